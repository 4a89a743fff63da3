#include "bridge/environment.h"

#include <pthread.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <utility>

#include "bridge/async.h"
#include "bridge/burial.h"
#include "bridge/memory.h"
#include "bridge/message-batch.h"
#include "bridge/mock-cluster.h"
#include "bridge/pool.h"
#include "nan.h"

#ifdef WITH_SSL
#include <openssl/crypto.h>
#endif

namespace bridge {
namespace {

/**
 * OpenSSL tidies up when the process exits, under the feet of librdkafka's
 * threads that still speak TLS.
 */
void KeepOpenSslToTheEnd() {
#ifdef WITH_SSL
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
#endif
}

// Loading fills statics of the sources, and two Workers may load at once.
std::mutex& Loading() {
  static std::mutex* mutex = new std::mutex;
  return *mutex;
}

std::vector<Environment*>& OfThisThread() {
  static thread_local std::vector<Environment*> environments;
  return environments;
}

bool OnProcessMainThread() {
#ifdef __APPLE__
  return pthread_main_np() != 0;
#else
  return gettid() == getpid();
#endif
}

}  // namespace

napi_value Environment::Load(napi_env raw, napi_value exports, Initializer initialize) {
  std::lock_guard loading(Loading());
  KeepOpenSslToTheEnd();
  napi_value global;
  if (napi_get_global(raw, &global) != napi_ok) return nullptr;
  for (Environment* other : OfThisThread()) {
    if (other->ended_) continue;
    napi_value its_global, its_exports;
    bool same = false;
    if (napi_get_global(other->raw_, &its_global) == napi_ok &&
        napi_strict_equals(raw, global, its_global, &same) == napi_ok && same &&
        napi_get_reference_value(other->raw_, other->exports_, &its_exports) == napi_ok) {
      return its_exports;
    }
  }

  auto* environment = new Environment(raw, OnProcessMainThread());
  napi_value name;
  if (napi_create_string_utf8(raw, "kafka", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(raw, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                      environment, RunOne, &environment->queue_) != napi_ok ||
      napi_unref_threadsafe_function(raw, environment->queue_) != napi_ok ||
      napi_create_reference(raw, exports, 1, &environment->exports_) != napi_ok) {
    napi_throw_error(raw, nullptr, "The Kafka client could not be set up in this environment");
    return nullptr;
  }
  // Added last, so that it runs before the runtime closes the queue.
  napi_add_env_cleanup_hook(raw, End, environment);
  OfThisThread().push_back(environment);

  Frame frame;
  {
    Entered entered(environment, &frame);
    try {
      initialize(exports);
      AddMockCluster(exports);
      AddConsumeBatch(exports);
      AddTrimMemory(exports);
    } catch (const std::exception& failure) {
      environment->RaiseMessage(failure.what());
    }
  }
  if (frame.error != nullptr) {
    napi_throw(raw, frame.error);
    return nullptr;
  }
  return exports;
}

void Environment::Raise(napi_value error) {
  if (frame_ == nullptr) {
    napi_fatal_exception(raw_, error);
  } else if (frame_->error == nullptr) {
    // The first is the cause; the sources go on and often meet a second.
    frame_->error = error;
  }
}

void Environment::RaisePending() {
  bool pending = false;
  napi_value error = nullptr;
  if (napi_is_exception_pending(raw_, &pending) != napi_ok || !pending) {
    // The call failed and JavaScript threw nothing: its Worker is being ended.
    refused_ = true;
    return;
  }
  if (napi_get_and_clear_last_exception(raw_, &error) != napi_ok || error == nullptr) return;
  Raise(error);
}

void Environment::RaiseMessage(const char* message) {
  napi_value text, error;
  if (napi_create_string_utf8(raw_, message, NAPI_AUTO_LENGTH, &text) == napi_ok &&
      napi_create_error(raw_, nullptr, text, &error) == napi_ok) {
    Raise(error);
  }
}

void Environment::Retain() {
  if (retained_++ == 0) napi_ref_threadsafe_function(raw_, queue_);
}

void Environment::Release() {
  if (--retained_ == 0) napi_unref_threadsafe_function(raw_, queue_);
}

bool Environment::Post(Task task) {
  std::lock_guard lock(Senders());
  if (ended_) return false;
  tasks_.push_back(task);
  // One wake for each task: the runtime runs microtasks between them.
  napi_call_threadsafe_function(queue_, nullptr, napi_tsfn_nonblocking);
  return true;
}

void Environment::RunOne(napi_env raw, napi_value, void* context, void*) {
  // The runtime hands over a null environment for what it drops at the end.
  if (raw == nullptr) return;
  auto* self = static_cast<Environment*>(context);
  Task task;
  {
    std::lock_guard lock(Senders());
    if (self->ended_ || self->tasks_.empty()) return;
    task = self->tasks_.front();
    self->tasks_.pop_front();
  }
  self->Run(task);
}

void Environment::Run(Task task) {
  Entered entered(this);
  napi_handle_scope scope;
  if (napi_open_handle_scope(raw_, &scope) != napi_ok) {
    // JavaScript is being ended: the task is kept for then.
    std::lock_guard lock(Senders());
    tasks_.push_front(task);
    return;
  }
  try {
    switch (task.kind) {
      case Task::Kind::kFinishJob: {
        auto* job = static_cast<Job*>(task.subject);
        {
          std::lock_guard lock(Senders());
          jobs_--;
        }
        Release();
        job->WorkComplete();
        job->Destroy();
        break;
      }
      case Task::Kind::kWakeHandle: {
        refused_ = false;
        RunAsync(static_cast<uv_async_s*>(task.subject));
        std::lock_guard lock(Senders());
        if (refused_) tasks_.push_front(task);
        break;
      }
      case Task::Kind::kCloseHandle:
        Release();
        CloseAsync(static_cast<uv_async_s*>(task.subject));
        break;
      case Task::Kind::kDeleteWrap:
        delete static_cast<Nan::ObjectWrap*>(task.subject);
        break;
    }
  } catch (const std::exception& failure) {
    RaiseMessage(failure.what());
  }
  napi_close_handle_scope(raw_, scope);
}

void Environment::Start(Job* job) {
  Retain();
  {
    std::lock_guard lock(Senders());
    jobs_++;
  }
  RunOnPool([this, job] {
    working_for = job->subject;
    job->Execute();
    working_for = nullptr;
    if (!Post({Task::Kind::kFinishJob, job})) Discard(job);
  });
}

void Environment::ThreadStarted() {
  std::lock_guard lock(Senders());
  threads_++;
}

void Environment::ThreadJoined() {
  std::lock_guard lock(Senders());
  threads_--;
}

void Environment::End(void* argument) {
  auto* self = static_cast<Environment*>(argument);
  std::lock_guard lock(Senders());
  self->ended_ = true;
  // At the process's end nothing is tidied: librdkafka's threads still run, and
  // closing a client would block.
  if (self->main_) return;
  for (Task task : std::exchange(self->tasks_, {})) {
    if (task.kind == Task::Kind::kFinishJob) {
      auto* job = static_cast<Job*>(task.subject);
      RunOnPool([self, job] { self->Discard(job); });
    } else if (task.kind == Task::Kind::kWakeHandle && self->threads_ == 0) {
      auto* handle = static_cast<uv_async_s*>(task.subject);
      if (!IsOpen(handle)) continue;
      // Counts as a job, so that the burial waits for it.
      self->jobs_++;
      RunOnPool([self, handle] {
        AnswerLostRebalance(handle);
        std::lock_guard lock(Senders());
        self->jobs_--;
        self->BuryIfQuiet();
      });
    }
  }
  self->BuryIfQuiet();
}

void Environment::Discard(Job* job) {
  if (main_) return;
  {
    // Without an environment the job frees what it fetched and tells nobody.
    Entered nowhere(nullptr);
    job->WorkComplete();
    job->Destroy();
  }
  std::lock_guard lock(Senders());
  jobs_--;
  BuryIfQuiet();
}

void Environment::BuryIfQuiet() {
  if (!ended_ || buried_ || jobs_ > 0 || threads_ > 0) return;
  buried_ = true;
  RunOnPool([this] { Bury(); });
}

void Environment::Bury() {
  Entered nowhere(nullptr);
  for (Nan::ObjectWrap* wrap : std::exchange(wraps_, {})) BuryWrap(wrap);
}

void KeyCache::Fetch(napi_env env, uint64_t scope, Entry& entry) {
  napi_value strings;
  if (napi_get_reference_value(env, strings_, &strings) == napi_ok &&
      napi_get_element(env, strings, entry.index, &entry.handle) == napi_ok) {
    entry.scope = scope;
  }
}

napi_value KeyCache::Add(napi_env env, uint64_t scope, const char* literal, size_t length) {
  napi_value string = nullptr;
  if (napi_create_string_utf8(env, literal, length, &string) != napi_ok) return nullptr;
  napi_value strings;
  if (strings_ == nullptr) {
    if (napi_create_array(env, &strings) != napi_ok) return string;
    if (napi_create_reference(env, strings, 1, &strings_) != napi_ok) return string;
  } else if (napi_get_reference_value(env, strings_, &strings) != napi_ok) {
    return string;
  }
  if (napi_set_element(env, strings, count_, string) != napi_ok) return string;
  if ((count_ + 1) * 2 > entries_.size()) Grow();
  size_t mask = entries_.size() - 1;
  size_t slot = Hash(literal) & mask;
  while (entries_[slot].literal != nullptr) slot = (slot + 1) & mask;
  entries_[slot] = {literal, count_++, scope, string};
  return string;
}

void KeyCache::Grow() {
  std::vector<Entry> old = std::exchange(entries_, {});
  entries_.resize(old.empty() ? 256 : old.size() * 2);
  size_t mask = entries_.size() - 1;
  for (const Entry& entry : old) {
    if (entry.literal == nullptr) continue;
    size_t slot = Hash(entry.literal) & mask;
    while (entries_[slot].literal != nullptr) slot = (slot + 1) & mask;
    entries_[slot] = entry;
  }
}

}  // namespace bridge
