/**
 * The part of libuv that the package uses, on POSIX threads and Environment.
 *
 * Every function is `static inline`: Bun exports functions of the same names
 * that end the process, and a symbol left undefined would be bound to them.
 */
#pragma once

#include <pthread.h>

#include <memory>
#include <shared_mutex>

#include "bridge/async.h"
#include "bridge/environment.h"
#include "bridge/pool.h"

typedef struct uv_async_s uv_async_t;
/** Only async handles are ever closed by the sources. */
typedef struct uv_async_s uv_handle_t;
typedef struct uv_loop_s uv_loop_t;

struct uv_async_s {
  void* data;
  void (*callback)(uv_async_t*);
  void (*closed)(uv_handle_t*);
  bridge::Environment* environment;
  Nan::ObjectWrap* owner;
  bool woken;
};

static inline uv_loop_t* uv_default_loop() {
  return reinterpret_cast<uv_loop_t*>(bridge::Environment::Current());
}

static inline int uv_async_init(uv_loop_t*, uv_async_t* handle, void (*callback)(uv_async_t*)) {
  return bridge::OpenAsync(handle, callback);
}

static inline int uv_async_send(uv_async_t* handle) { return bridge::SendAsync(handle); }

static inline void uv_close(uv_handle_t* handle, void (*closed)(uv_handle_t*)) {
  bridge::RequestClose(handle, closed);
}

typedef pthread_mutex_t uv_mutex_t;

static inline int uv_mutex_init(uv_mutex_t* mutex) { return pthread_mutex_init(mutex, nullptr); }
static inline void uv_mutex_destroy(uv_mutex_t* mutex) { pthread_mutex_destroy(mutex); }
static inline void uv_mutex_lock(uv_mutex_t* mutex) { pthread_mutex_lock(mutex); }
static inline void uv_mutex_unlock(uv_mutex_t* mutex) { pthread_mutex_unlock(mutex); }

/**
 * The dependent admin client copies its parent's lock by assignment, and both
 * must then hold the same one.
 */
struct uv_rwlock_t {
  std::shared_ptr<std::shared_mutex> shared;
};

static inline int uv_rwlock_init(uv_rwlock_t* lock) {
  lock->shared = std::make_shared<std::shared_mutex>();
  return 0;
}
static inline void uv_rwlock_destroy(uv_rwlock_t* lock) { lock->shared.reset(); }
static inline void uv_rwlock_rdlock(uv_rwlock_t* lock) { lock->shared->lock_shared(); }
static inline void uv_rwlock_rdunlock(uv_rwlock_t* lock) { lock->shared->unlock_shared(); }
static inline void uv_rwlock_wrlock(uv_rwlock_t* lock) { lock->shared->lock(); }
static inline void uv_rwlock_wrunlock(uv_rwlock_t* lock) { lock->shared->unlock(); }

struct uv_thread_t {
  pthread_t thread;
  bridge::Environment* environment;
  struct Body {
    void (*run)(void*);
    void* argument;
  };
};

static inline int uv_thread_create(uv_thread_t* thread, void (*run)(void*), void* argument) {
  thread->environment = bridge::Environment::Current();
  if (thread->environment != nullptr) thread->environment->ThreadStarted();
  return bridge::StartThread(
      &thread->thread,
      [](void* data) -> void* {
        std::unique_ptr<uv_thread_t::Body> body(static_cast<uv_thread_t::Body*>(data));
        body->run(body->argument);
        return nullptr;
      },
      new uv_thread_t::Body{run, argument});
}

static inline int uv_thread_join(uv_thread_t* thread) {
  int failed = pthread_join(thread->thread, nullptr);
  if (thread->environment != nullptr) thread->environment->ThreadJoined();
  return failed;
}
