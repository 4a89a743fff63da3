/** Scopes, errors, values, conversions and properties of `Nan::`. */
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "bridge/environment.h"
#include "node.h"
#include "v8.h"

namespace Nan {

using v8::Maybe;
using v8::MaybeLocal;
template <class T>
using Persistent = v8::Persistent<T>;

// --- Scopes and errors -----------------------------------------------------

/**
 * A real scope only where no call from JavaScript is in progress. Inside one,
 * the runtime has opened a scope, and a return value is set inside the
 * sources' own, so that closing it would leave the handle dangling.
 */
class HandleScope {
 public:
  HandleScope() {
    bridge::Environment* environment = bridge::Environment::Current();
    if (environment == nullptr || environment->frame() != nullptr) return;
    if (napi_open_handle_scope(environment->raw(), &scope_) != napi_ok) return;
    environment_ = environment;
    outer_ = environment->EnterScope();
  }
  ~HandleScope() {
    if (environment_ == nullptr) return;
    environment_->LeaveScope(outer_);
    napi_close_handle_scope(environment_->raw(), scope_);
  }
  HandleScope(const HandleScope&) = delete;
  HandleScope& operator=(const HandleScope&) = delete;

 private:
  bridge::Environment* environment_ = nullptr;
  napi_handle_scope scope_ = nullptr;
  uint64_t outer_ = 0;
};

/** Never a real scope, so that there is nothing to escape from. */
class EscapableHandleScope {
 public:
  template <class T>
  v8::Local<T> Escape(v8::Local<T> local) {
    return local;
  }
};

inline v8::Local<v8::Context> GetCurrentContext() { return {}; }

inline void ThrowError(v8::Local<v8::Value> error) {
  bridge::Environment* environment = bridge::Environment::Current();
  if (environment != nullptr) environment->Raise(error.Raw());
}

inline void ThrowError(const char* message) {
  bridge::Environment* environment = bridge::Environment::Current();
  if (environment != nullptr) environment->RaiseMessage(message);
}

// --- Making values ---------------------------------------------------------

inline v8::Local<v8::Primitive> Undefined() {
  napi_value raw = nullptr;
  bridge::Ok(napi_get_undefined, &raw);
  return v8::Local<v8::Primitive>::FromRaw(raw);
}

inline v8::Local<v8::Primitive> Null() {
  napi_value raw = nullptr;
  bridge::Ok(napi_get_null, &raw);
  return v8::Local<v8::Primitive>::FromRaw(raw);
}

inline v8::Local<v8::Boolean> True() {
  napi_value raw = nullptr;
  bridge::Ok(napi_get_boolean, true, &raw);
  return v8::Local<v8::Boolean>::FromRaw(raw);
}

/** What `Nan::New<T>(…)` makes; one specialisation for each T the sources use. */
template <class T>
struct Factory;

template <>
struct Factory<v8::Object> {
  static v8::Local<v8::Object> New() {
    napi_value raw = nullptr;
    bridge::Ok(napi_create_object, &raw);
    return v8::Local<v8::Object>::FromRaw(raw);
  }
};

template <>
struct Factory<v8::Array> {
  static v8::Local<v8::Array> New() {
    napi_value raw = nullptr;
    bridge::Ok(napi_create_array, &raw);
    return v8::Local<v8::Array>::FromRaw(raw);
  }
};

template <>
struct Factory<v8::Boolean> {
  static v8::Local<v8::Boolean> New(bool value) {
    napi_value raw = nullptr;
    bridge::Ok(napi_get_boolean, value, &raw);
    return v8::Local<v8::Boolean>::FromRaw(raw);
  }
};

template <>
struct Factory<v8::Number> {
  /** As a small integer where it fits: the engines keep those without a box. */
  static v8::Local<v8::Number> New(double value) {
    napi_value raw = nullptr;
    auto small = static_cast<int32_t>(value >= INT32_MIN && value <= INT32_MAX ? value : 0);
    if (small == value && !(small == 0 && std::signbit(value))) {
      bridge::Ok(napi_create_int32, small, &raw);
    } else {
      bridge::Ok(napi_create_double, value, &raw);
    }
    return v8::Local<v8::Number>::FromRaw(raw);
  }
};

template <>
struct Factory<v8::Int32> {
  static v8::Local<v8::Int32> New(int32_t value) {
    napi_value raw = nullptr;
    bridge::Ok(napi_create_int32, value, &raw);
    return v8::Local<v8::Int32>::FromRaw(raw);
  }
};

template <>
struct Factory<v8::String> {
  /** A literal is a property key more often than not, and is kept. */
  template <size_t Size>
  static MaybeLocal<v8::String> New(const char (&literal)[Size]) {
    bridge::Environment* environment = bridge::Environment::Current();
    if (environment == nullptr) return {};
    return v8::Local<v8::String>::FromRaw(environment->keys().Get(
        environment->raw(), environment->scope(), literal, Size - 1));
  }

  /** A template only so that a literal does not prefer it. */
  template <class Pointer>
    requires std::is_same_v<Pointer, const char*> || std::is_same_v<Pointer, char*>
  static MaybeLocal<v8::String> New(const Pointer& text) {
    return New(text, text == nullptr ? 0 : std::strlen(text));
  }

  static MaybeLocal<v8::String> New(const std::string& text) {
    return New(text.data(), text.size());
  }

  static MaybeLocal<v8::String> New(const char* text, size_t length) {
    napi_value raw = nullptr;
    bridge::Ok(napi_create_string_utf8, text == nullptr ? "" : text, length, &raw);
    return v8::Local<v8::String>::FromRaw(raw);
  }
};

template <>
struct Factory<v8::Function> {
  static v8::Local<v8::Function> New(const Persistent<v8::Function>& persistent) {
    return persistent.Get();
  }
};

template <class T, class... Arguments>
inline auto New(Arguments&&... arguments) {
  return Factory<T>::New(std::forward<Arguments>(arguments)...);
}

template <size_t Size>
inline MaybeLocal<v8::String> New(const char (&literal)[Size]) {
  return Factory<v8::String>::New(literal);
}

template <class Pointer>
  requires std::is_same_v<Pointer, const char*> || std::is_same_v<Pointer, char*>
inline MaybeLocal<v8::String> New(const Pointer& text) {
  return Factory<v8::String>::New(text);
}

inline MaybeLocal<v8::String> New(const std::string& text) {
  return Factory<v8::String>::New(text);
}

template <class Integer>
  requires std::is_integral_v<Integer> || std::is_enum_v<Integer>
inline v8::Local<v8::Number> New(Integer value) {
  return Factory<v8::Number>::New(static_cast<double>(value));
}

template <class T>
inline v8::Local<T> New(const Persistent<T>& persistent) {
  return persistent.Get();
}

inline v8::Local<v8::Value> Error(v8::Local<v8::String> message) {
  napi_value raw = nullptr;
  bridge::Ok(napi_create_error, napi_value{nullptr}, message.Raw(), &raw);
  return v8::Local<v8::Value>::FromRaw(raw);
}

inline v8::Local<v8::Value> Error(const char* message) {
  return Error(New(message).ToLocalChecked());
}

// --- Buffers ---------------------------------------------------------------

enum Encoding { BUFFER };

/** Only into a Buffer, which is all the sources ask for. */
inline v8::Local<v8::Value> Encode(const void* bytes, size_t length, Encoding) {
  napi_value raw = nullptr;
  bridge::Ok(napi_create_buffer_copy, length, bytes == nullptr ? "" : bytes,
             static_cast<void**>(nullptr), &raw);
  return v8::Local<v8::Value>::FromRaw(raw);
}

/** Takes over memory from malloc. A copy: a finalizer a message costs more. */
inline MaybeLocal<v8::Object> NewBuffer(char* bytes, size_t length) {
  v8::Local<v8::Value> buffer = Encode(bytes, length, BUFFER);
  std::free(bytes);
  return buffer.As<v8::Object>();
}

// --- Conversions -----------------------------------------------------------

template <class T>
inline auto To(v8::Local<v8::Value> value) {
  if constexpr (std::is_same_v<T, bool>) {
    napi_value boolean = nullptr;
    bool result = false;
    if (!value.IsEmpty() && bridge::Ok(napi_coerce_to_bool, value.Raw(), &boolean) &&
        bridge::Ok(napi_get_value_bool, boolean, &result)) {
      return Maybe<bool>(result);
    }
    return Maybe<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    return value->ToInteger<T>();
  } else if constexpr (std::is_same_v<T, v8::String>) {
    napi_value string = nullptr;
    if (!value.IsEmpty()) bridge::Ok(napi_coerce_to_string, value.Raw(), &string);
    return MaybeLocal<v8::String>(v8::Local<v8::String>::FromRaw(string));
  } else {
    static_assert(std::is_same_v<T, v8::Object>);
    return value->ToObject({});
  }
}

/** A string's UTF-8; of anything else, what JavaScript makes of it as a string. */
class Utf8String {
 public:
  explicit Utf8String(v8::Local<v8::Value> value) {
    napi_value string = value.Raw();
    if (string == nullptr) return;
    if (!value->IsString() && !bridge::Ok(napi_coerce_to_string, string, &string)) return;
    char inlined[256];
    size_t length = 0;
    if (!bridge::Ok(napi_get_value_string_utf8, string, inlined, sizeof(inlined), &length)) return;
    if (length < sizeof(inlined) - 4) {
      text_.assign(inlined, length);
      return;
    }
    // It may have been cut, at most a character short of the buffer's end.
    if (!bridge::Ok(napi_get_value_string_utf8, string, static_cast<char*>(nullptr), size_t{0},
                    &length)) {
      return;
    }
    text_.resize(length + 1);
    bridge::Ok(napi_get_value_string_utf8, string, text_.data(), length + 1, &length);
    text_.resize(length);
  }

  char* operator*() { return text_.data(); }
  const char* operator*() const { return text_.data(); }
  int length() const { return static_cast<int>(text_.size()); }

 private:
  std::string text_;
};

// --- Properties ------------------------------------------------------------

inline Maybe<bool> Set(v8::Local<v8::Object> object, v8::Local<v8::Value> key,
                       v8::Local<v8::Value> value) {
  return bridge::Ok(napi_set_property, object.Raw(), key.Raw(), value.Raw()) ? Maybe<bool>(true)
                                                                             : Maybe<bool>();
}

inline Maybe<bool> Set(v8::Local<v8::Object> object, uint32_t index, v8::Local<v8::Value> value) {
  return bridge::Ok(napi_set_element, object.Raw(), index, value.Raw()) ? Maybe<bool>(true)
                                                                        : Maybe<bool>();
}

inline MaybeLocal<v8::Value> Get(v8::Local<v8::Object> object, v8::Local<v8::Value> key) {
  napi_value raw = nullptr;
  bridge::Ok(napi_get_property, object.Raw(), key.Raw(), &raw);
  return v8::Local<v8::Value>::FromRaw(raw);
}

inline MaybeLocal<v8::Value> Get(v8::Local<v8::Object> object, uint32_t index) {
  napi_value raw = nullptr;
  bridge::Ok(napi_get_element, object.Raw(), index, &raw);
  return v8::Local<v8::Value>::FromRaw(raw);
}

inline Maybe<bool> Has(v8::Local<v8::Object> object, v8::Local<v8::String> key) {
  bool has = false;
  return bridge::Ok(napi_has_property, object.Raw(), key.Raw(), &has) ? Maybe<bool>(has)
                                                                      : Maybe<bool>();
}

inline MaybeLocal<v8::Array> GetOwnPropertyNames(v8::Local<v8::Object> object) {
  return object->GetOwnPropertyNames({});
}

}  // namespace Nan
