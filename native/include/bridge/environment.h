/**
 * One JavaScript environment: the main thread's, or a Worker's.
 *
 * Everything that belongs to an environment and that the package's sources
 * believe to be global lives here: the queue that brings work back to the
 * JavaScript thread, the call in progress, the count that keeps the event loop
 * running, the cached property keys and the native objects that are alive.
 *
 * An Environment is never freed: librdkafka's threads may still send to it
 * while the process exits or after its Worker has ended.
 */
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <unordered_set>
#include <vector>

#include "bridge/key-cache.h"

struct uv_async_s;

namespace Nan {
class ObjectWrap;
}

namespace bridge {

class Environment;

/** Thrown where V8 would end the process, such as ToLocalChecked on nothing. */
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/** One call from JavaScript in progress. */
struct Frame {
  napi_callback_info info = nullptr;
  napi_value receiver = nullptr;
  const napi_value* arguments = nullptr;
  size_t count = 0;
  napi_value result = nullptr;
  /**
   * What the call will throw when it returns. Node-API refuses most calls
   * while an exception is pending, and the sources go on after ThrowError.
   */
  napi_value error = nullptr;
};

/** A blocking operation: Execute on a thread of the pool, the rest in JavaScript's. */
class Job {
 public:
  /** The native object it works for, or null. */
  Nan::ObjectWrap* subject = nullptr;

  virtual ~Job() = default;
  virtual void Execute() = 0;
  virtual void WorkComplete() = 0;
  virtual void Destroy() = 0;
};

/** What another thread asks the JavaScript thread to do. */
struct Task {
  enum class Kind { kFinishJob, kWakeHandle, kCloseHandle, kDeleteWrap };
  Kind kind;
  void* subject;
};

class Environment {
 public:
  using Initializer = void (*)(napi_value exports);

  /**
   * The module's exports for this environment. A second load into the same
   * global object (`bun --hot`) gets the first one's.
   */
  static napi_value Load(napi_env raw, napi_value exports, Initializer initialize);

  /**
   * The environment whose JavaScript this thread is running. It is null on
   * every other thread, and while leftovers of an ended one are discarded:
   * every operation on values is then a no-op.
   */
  static Environment* Current() { return current_; }

  napi_env raw() const { return raw_; }
  /** Of the process's first thread, so that its end is the process's. */
  bool main() const { return main_; }
  /** With the senders' lock held. */
  bool ended() const { return ended_; }
  size_t threads() const { return threads_; }
  Frame* frame() const { return frame_; }
  KeyCache& keys() { return keys_; }

  /** Names the handle scope now open, for caches of handles. */
  uint64_t scope() const { return scope_; }
  uint64_t EnterScope() {
    uint64_t outer = scope_;
    scope_ = ++last_scope_;
    return outer;
  }
  void LeaveScope(uint64_t outer) { scope_ = outer; }

  /** Lets the call in progress throw; without one, it is an uncaught exception. */
  void Raise(napi_value error);
  /** Raises what JavaScript has thrown, if anything. */
  void RaisePending();
  /** Raises a new Error. */
  void RaiseMessage(const char* message);

  /** Counts what keeps the event loop running. Only on the JavaScript thread. */
  void Retain();
  void Release();

  /** Sends to the JavaScript thread, from any; false after the environment's end. */
  bool Post(Task task);

  /** Runs a job on the pool, and completes it on the JavaScript thread. */
  void Start(Job* job);

  void Adopt(Nan::ObjectWrap* wrap) { wraps_.insert(wrap); }
  void Disown(Nan::ObjectWrap* wrap) { wraps_.erase(wrap); }

  /** Threads of the sources' own, which may be using a native object. */
  void ThreadStarted();
  void ThreadJoined();

  /** Makes an environment current, without a call in progress, for a C++ scope. */
  class Entered {
   public:
    explicit Entered(Environment* environment, Frame* frame = nullptr)
        : environment_(environment), outer_(current_) {
      current_ = environment;
      if (environment != nullptr) {
        outer_frame_ = environment->frame_;
        environment->frame_ = frame;
        outer_scope_ = environment->EnterScope();
      }
    }
    ~Entered() {
      if (environment_ != nullptr) {
        environment_->LeaveScope(outer_scope_);
        environment_->frame_ = outer_frame_;
      }
      current_ = outer_;
    }
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

   private:
    Environment* environment_;
    Environment* outer_;
    Frame* outer_frame_ = nullptr;
    uint64_t outer_scope_ = 0;
  };

 private:
  Environment(napi_env raw, bool main) : raw_(raw), main_(main) {}

  static void RunOne(napi_env raw, napi_value, void* context, void*);
  static void End(void* environment);
  void Run(Task task);
  void Discard(Job* job);
  void BuryIfQuiet();
  void Bury();

  // Constant initialisation keeps the access a plain load, without a guard.
  static inline constinit thread_local Environment* current_ = nullptr;

  const napi_env raw_;
  const bool main_;
  napi_ref exports_ = nullptr;
  Frame* frame_ = nullptr;
  uint64_t scope_ = 0;
  uint64_t last_scope_ = 0;
  size_t retained_ = 0;
  /** JavaScript could not be called: what it was to be told is kept for the end. */
  bool refused_ = false;
  KeyCache keys_;
  std::unordered_set<Nan::ObjectWrap*> wraps_;

  // Guarded by the senders' lock from here on.
  napi_threadsafe_function queue_ = nullptr;
  std::deque<Task> tasks_;
  size_t jobs_ = 0;
  size_t threads_ = 0;
  bool ended_ = false;
  bool buried_ = false;
};

/**
 * Makes one Node-API call in the current environment. False when it failed or
 * there is no environment; an exception from JavaScript is then raised.
 */
template <typename Function, typename... Arguments>
inline bool Ok(Function function, Arguments... arguments) {
  Environment* environment = Environment::Current();
  if (environment == nullptr) return false;
  napi_status status = function(environment->raw(), arguments...);
  if (status == napi_ok) [[likely]] return true;
  if (status == napi_pending_exception || status == napi_generic_failure) {
    environment->RaisePending();
  }
  return false;
}

}  // namespace bridge
