/** Functions and classes that JavaScript calls, and the native objects behind them. */
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bridge/async.h"
#include "nan/values.h"

#define NAN_METHOD(name) void name(const Nan::FunctionCallbackInfo<v8::Value>& info)

namespace Nan {

// --- Calls from JavaScript -------------------------------------------------

template <class T>
class ReturnValue {
 public:
  explicit ReturnValue(bridge::Frame* frame) : frame_(frame) {}
  template <class S>
  void Set(v8::Local<S> value) {
    frame_->result = value.Raw();
  }

 private:
  bridge::Frame* frame_;
};

template <class T>
class FunctionCallbackInfo {
 public:
  explicit FunctionCallbackInfo(bridge::Frame* frame) : frame_(frame) {}

  int Length() const { return static_cast<int>(frame_->count); }
  v8::Local<v8::Object> This() const {
    return v8::Local<v8::Object>::FromRaw(frame_->receiver);
  }
  v8::Local<T> operator[](int index) const {
    if (static_cast<size_t>(index) >= frame_->count) return Undefined();
    return v8::Local<T>::FromRaw(frame_->arguments[index]);
  }
  bool IsConstructCall() const {
    napi_value target = nullptr;
    return bridge::Ok(napi_get_new_target, frame_->info, &target) && target != nullptr;
  }
  ReturnValue<T> GetReturnValue() const { return ReturnValue<T>(frame_); }

 private:
  bridge::Frame* frame_;
};

using FunctionCallback = void (*)(const FunctionCallbackInfo<v8::Value>&);

/** A function of the sources in one environment; the data of its JavaScript function. */
struct Method {
  bridge::Environment* environment;
  FunctionCallback function;
};

/** What JavaScript calls, for every method there is. */
inline napi_value Trampoline(napi_env raw, napi_callback_info info) {
  napi_value few[8];
  std::vector<napi_value> many;
  bridge::Frame frame;
  frame.info = info;
  frame.arguments = few;
  frame.count = 8;
  void* data = nullptr;
  if (napi_get_cb_info(raw, info, &frame.count, few, &frame.receiver, &data) != napi_ok) {
    return nullptr;
  }
  if (frame.count > 8) {
    many.resize(frame.count);
    napi_get_cb_info(raw, info, &frame.count, many.data(), nullptr, nullptr);
    frame.arguments = many.data();
  }
  auto* method = static_cast<Method*>(data);
  {
    bridge::Environment::Entered entered(method->environment, &frame);
    try {
      method->function(FunctionCallbackInfo<v8::Value>(&frame));
    } catch (const std::exception& failure) {
      method->environment->RaiseMessage(failure.what());
    }
  }
  if (frame.error == nullptr) return frame.result;
  napi_throw(raw, frame.error);
  return nullptr;
}

// --- Native objects --------------------------------------------------------

/** A C++ object that belongs to a JavaScript one, and dies with it. */
class ObjectWrap {
 public:
  ObjectWrap() = default;
  ObjectWrap(const ObjectWrap&) = delete;
  ObjectWrap& operator=(const ObjectWrap&) = delete;

  virtual ~ObjectWrap() {
    if (environment_ == nullptr) return;
    environment_->Disown(this);
    for (Persistent<v8::Value>& companion : companions_) companion.Reset();
    bridge::CloseOrphans(this);
  }

  /** The native object, or an error if the JavaScript one has none of that type. */
  template <class T>
  static T* Unwrap(v8::Local<v8::Object> object) {
    T* typed = dynamic_cast<T*>(Of(object.Raw()));
    if (typed == nullptr) throw bridge::Failure("Illegal invocation");
    return typed;
  }

  /** The native object of a value, or null. */
  static ObjectWrap* Of(napi_value value) {
    void* data = nullptr;
    napi_valuetype type = napi_undefined;
    if (value == nullptr || !bridge::Ok(napi_typeof, value, &type) || type != napi_object ||
        !bridge::Ok(napi_unwrap, value, &data)) {
      return nullptr;
    }
    return static_cast<ObjectWrap*>(data);
  }

  /** The native object whose method JavaScript is calling, or null. */
  static ObjectWrap* OfReceiver() {
    bridge::Frame* frame = bridge::Environment::Current()->frame();
    return frame == nullptr ? nullptr : Of(frame->receiver);
  }

 protected:
  void Wrap(v8::Local<v8::Object> object) {
    environment_ = bridge::Environment::Current();
    // A dependent admin client uses the client it was made from to the end.
    bridge::Frame* frame = environment_->frame();
    for (size_t i = 0; frame != nullptr && i < frame->count; i++) {
      if (Of(frame->arguments[i]) != nullptr) {
        companions_.emplace_back(v8::Local<v8::Value>::FromRaw(frame->arguments[i]));
      }
    }
    if (!bridge::Ok(napi_wrap, object.Raw(), static_cast<void*>(this), &ObjectWrap::Finalize,
                    static_cast<void*>(environment_), static_cast<napi_ref*>(nullptr))) {
      throw bridge::Failure("The object cannot hold a client");
    }
    environment_->Adopt(this);
  }

 private:
  /**
   * Deletes later: a destructor may not run inside a collection. After the
   * environment's end `wrap` may have gone, so that only its address is used.
   */
  static void Finalize(napi_env, void* wrap, void* environment) {
    static_cast<bridge::Environment*>(environment)
        ->Post({bridge::Task::Kind::kDeleteWrap, static_cast<ObjectWrap*>(wrap)});
  }

  bridge::Environment* environment_ = nullptr;
  std::vector<Persistent<v8::Value>> companions_;
};

}  // namespace Nan

namespace v8 {

/** A class or function to be; made in JavaScript when it is first asked for. */
class FunctionTemplate {
 public:
  struct Shape {
    Nan::FunctionCallback function;
    std::string name;
    bool constructs = false;
    std::vector<std::pair<std::string, Nan::FunctionCallback>> methods;
    napi_value made = nullptr;
  };

  FunctionTemplate() = default;
  explicit FunctionTemplate(Shape* shape) : shape_(shape) {}
  Shape* shape() const { return shape_; }
  napi_value raw() const { return nullptr; }

  void SetClassName(Local<String> name) {
    Nan::Utf8String text(name);
    shape_->name = *text;
  }

  /** Only that it constructs; Node-API needs no internal fields. */
  FunctionTemplate* InstanceTemplate() {
    shape_->constructs = true;
    return this;
  }
  void SetInternalFieldCount(int) {}

  MaybeLocal<Function> GetFunction(Local<Context> = {}) {
    if (shape_->made == nullptr) shape_->made = Make();
    return Local<Function>::FromRaw(shape_->made);
  }

 private:
  // Methods live as long as their JavaScript functions, that is, for ever.
  static Nan::Method* NewMethod(Nan::FunctionCallback function) {
    return new Nan::Method{bridge::Environment::Current(), function};
  }

  napi_value Make() {
    napi_value made = nullptr;
    if (!shape_->constructs) {
      bridge::Ok(napi_create_function, shape_->name.data(), shape_->name.size(), Nan::Trampoline,
                 static_cast<void*>(NewMethod(shape_->function)), &made);
      return made;
    }
    std::vector<napi_property_descriptor> properties;
    for (const auto& [name, function] : shape_->methods) {
      napi_property_descriptor property = {};
      property.utf8name = name.c_str();
      property.method = Nan::Trampoline;
      property.attributes = napi_default_method;
      property.data = NewMethod(function);
      properties.push_back(property);
    }
    bridge::Ok(napi_define_class, shape_->name.data(), shape_->name.size(), Nan::Trampoline,
               static_cast<void*>(NewMethod(shape_->function)), properties.size(),
               properties.data(), &made);
    return made;
  }

  Shape* shape_ = nullptr;
};

}  // namespace v8

namespace Nan {

template <>
struct Factory<v8::FunctionTemplate> {
  static v8::Local<v8::FunctionTemplate> New(FunctionCallback function) {
    return v8::Local<v8::FunctionTemplate>(
        v8::FunctionTemplate(new v8::FunctionTemplate::Shape{function, {}, false, {}, nullptr}));
  }
};

inline void SetPrototypeMethod(v8::Local<v8::FunctionTemplate> type, const char* name,
                               FunctionCallback function) {
  type->shape()->methods.emplace_back(name, function);
}

inline MaybeLocal<v8::Function> GetFunction(v8::Local<v8::FunctionTemplate> type) {
  return type->GetFunction();
}

inline MaybeLocal<v8::Object> NewInstance(v8::Local<v8::Function> constructor, int count,
                                          v8::Local<v8::Value>* arguments) {
  napi_value raw = nullptr;
  bridge::Ok(napi_new_instance, constructor.Raw(), static_cast<size_t>(count),
             reinterpret_cast<const napi_value*>(arguments), &raw);
  return v8::Local<v8::Object>::FromRaw(raw);
}

}  // namespace Nan
