/** Calls into JavaScript, and the blocking jobs that end in one. */
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "nan/functions.h"

namespace Nan {

// --- Calls into JavaScript -------------------------------------------------

static_assert(sizeof(v8::Local<v8::Value>) == sizeof(napi_value) &&
              std::is_standard_layout_v<v8::Local<v8::Value>>);

/** A JavaScript function that is kept until it is called. */
class Callback {
 public:
  Callback() = default;
  explicit Callback(v8::Local<v8::Function> function) : function_(function) {}
  ~Callback() { function_.Reset(); }
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  bool IsEmpty() const { return function_.IsEmpty(); }
  v8::Local<v8::Function> GetFunction() const { return function_.Get(); }

  /** An exception goes to the call in progress, or is an uncaught one. */
  v8::Local<v8::Value> Call(int count, v8::Local<v8::Value>* arguments) const {
    v8::Local<v8::Function> function = function_.Get();
    napi_value result = nullptr;
    if (!function.IsEmpty()) {
      bridge::Ok(napi_call_function, Undefined().Raw(), function.Raw(),
                 static_cast<size_t>(count), reinterpret_cast<const napi_value*>(arguments),
                 &result);
    }
    return v8::Local<v8::Value>::FromRaw(result);
  }

  v8::Local<v8::Value> operator()(v8::Local<v8::Object>) const { return Call(0, nullptr); }

 private:
  Persistent<v8::Function> function_;
};

/** A blocking call whose result goes to a callback. */
class AsyncWorker : public bridge::Job {
 public:
  explicit AsyncWorker(Callback* callback) : callback(callback) {}
  ~AsyncWorker() override {
    delete callback;
    for (Persistent<v8::Value>& held : held_) held.Reset();
  }

  void WorkComplete() override {
    HandleScope scope;
    if (failed_) {
      HandleErrorCallback();
    } else {
      HandleOKCallback();
    }
    delete callback;
    callback = nullptr;
  }
  void Destroy() override { delete this; }

  /**
   * Holds the native objects of the call in progress, its receiver and its
   * arguments: the job uses them from another thread.
   */
  void HoldNativeObjects() {
    bridge::Frame* frame = bridge::Environment::Current()->frame();
    if (frame == nullptr) return;
    subject = ObjectWrap::OfReceiver();
    Hold(frame->receiver);
    for (size_t i = 0; i < frame->count; i++) {
      if (ObjectWrap::Of(frame->arguments[i]) != nullptr) Hold(frame->arguments[i]);
    }
  }

 protected:
  virtual void HandleOKCallback() = 0;
  virtual void HandleErrorCallback() = 0;

  void SetErrorMessage(const char* message) {
    failed_ = true;
    message_ = message;
  }
  const char* ErrorMessage() const { return message_.c_str(); }

  Callback* callback;

 private:
  void Hold(napi_value value) { held_.emplace_back(v8::Local<v8::Value>::FromRaw(value)); }

  bool failed_ = false;
  std::string message_;
  std::vector<Persistent<v8::Value>> held_;
};

inline void AsyncQueueWorker(AsyncWorker* worker) {
  worker->HoldNativeObjects();
  bridge::Environment::Current()->Start(worker);
}

}  // namespace Nan
