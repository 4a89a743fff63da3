/** The used part of `node.h` and `node_buffer.h`. */
#pragma once

#include "v8.h"

/** The sources take an old path below Node 7. */
#define NODE_MAJOR_VERSION 26

namespace node::Buffer {

struct Bytes {
  char* data = nullptr;
  size_t length = 0;
};

/** The bytes under a Buffer, or under any other view of an ArrayBuffer. */
inline Bytes Of(napi_value value) {
  // Not null even when empty: the sources take null for a message without value.
  static char nothing;
  Bytes bytes;
  void* data = nullptr;
  if (bridge::Ok(napi_get_buffer_info, value, &data, &bytes.length)) {
    bytes.data = static_cast<char*>(data);
  }
  if (bytes.data == nullptr) bytes = {&nothing, 0};
  return bytes;
}

inline bool HasInstance(v8::Local<v8::Value> value) {
  bool is = false;
  return !value.IsEmpty() && bridge::Ok(napi_is_buffer, value.Raw(), &is) && is;
}

inline char* Data(v8::Local<v8::Value> value) { return Of(value.Raw()).data; }
inline size_t Length(v8::Local<v8::Value> value) { return Of(value.Raw()).length; }

}  // namespace node::Buffer

namespace node {

/** Sets a number on an object that can be neither changed nor deleted. */
inline void DefineConstant(v8::Local<v8::Object> target, const char* name, double value) {
  napi_value number = nullptr;
  bridge::Ok(napi_create_double, value, &number);
  napi_property_descriptor property = {};
  property.utf8name = name;
  property.value = number;
  property.attributes = napi_enumerable;
  bridge::Ok(napi_define_properties, target.Raw(), size_t{1}, &property);
}

}  // namespace node

#define NODE_DEFINE_CONSTANT(target, constant) \
  node::DefineConstant(target, #constant, static_cast<double>(constant))

/** The entry point that a runtime looks for in a `.node` file. */
#define NODE_MODULE(name, initialize)                                                    \
  NAPI_MODULE_INIT() {                                                                   \
    return bridge::Environment::Load(env, exports, [](napi_value raw) {                  \
      initialize(v8::Local<v8::Object>::FromRaw(raw), v8::Local<v8::Value>(), nullptr);  \
    });                                                                                  \
  }
