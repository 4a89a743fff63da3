#include "bridge/pool.h"

#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace bridge {
namespace {

constexpr size_t kMostThreads = 64;
constexpr auto kIdle = std::chrono::seconds(20);
// musl's default of 128 KiB is too small for OpenSSL and curl under librdkafka.
constexpr size_t kStackBytes = 2 << 20;

class Pool {
 public:
  void Add(std::function<void()> work) {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    if (idle_ >= queue_.size()) {
      wake_.notify_one();
      return;
    }
    if (threads_ < kMostThreads) {
      pthread_t thread;
      if (StartThread(&thread, &Pool::Body, this) == 0) {
        pthread_detach(thread);
        threads_++;
      }
    }
  }

 private:
  static void* Body(void* pool) {
    static_cast<Pool*>(pool)->Serve();
    return nullptr;
  }

  void Serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      idle_++;
      bool found = wake_.wait_for(lock, kIdle, [this] { return !queue_.empty(); });
      idle_--;
      if (!found) {
        threads_--;
        return;
      }
      std::function<void()> work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  size_t idle_ = 0;
  size_t threads_ = 0;
};

}  // namespace

void RunOnPool(std::function<void()> work) {
  // Never freed: its threads outlive static destructors.
  static Pool* pool = new Pool;
  pool->Add(std::move(work));
}

int StartThread(pthread_t* thread, void* (*body)(void*), void* argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  int failed = pthread_create(thread, &attributes, body, argument);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return failed;
}

}  // namespace bridge
