#include "bridge/async.h"

#include <unordered_set>
#include <vector>

#include "bridge/burial.h"
#include "nan.h"
#include "uv.h"

namespace bridge {
namespace {

// Neither is ever freed: librdkafka's threads outlive static destructors.
std::unordered_set<uv_async_s*>& Open() {
  static auto* handles = new std::unordered_set<uv_async_s*>;
  return *handles;
}

}  // namespace

thread_local Nan::ObjectWrap* working_for = nullptr;

bool IsOpen(uv_async_s* handle) { return Open().contains(handle); }

std::mutex& Senders() {
  static auto* mutex = new std::mutex;
  return *mutex;
}

int OpenAsync(uv_async_s* handle, AsyncCallback callback) {
  Environment* environment = Environment::Current();
  if (environment == nullptr) return -1;
  *handle = {};
  handle->callback = callback;
  handle->environment = environment;
  handle->owner = Nan::ObjectWrap::OfReceiver();
  environment->Retain();
  std::lock_guard lock(Senders());
  Open().insert(handle);
  return 0;
}

int SendAsync(uv_async_s* handle) {
  Environment* environment;
  bool answerable;
  {
    std::lock_guard lock(Senders());
    // Looked up by address only: a handle that is closed may be freed.
    if (!IsOpen(handle)) return 0;
    environment = handle->environment;
    answerable = !environment->main() && environment->threads() == 0 &&
                 working_for != nullptr && working_for == handle->owner;
    if (handle->woken && !environment->ended()) return 0;
    handle->woken = true;
  }
  bool sent = environment->Post({Task::Kind::kWakeHandle, handle});
  if (!sent && answerable) AnswerRebalance(handle);
  return 0;
}

void RequestClose(uv_async_s* handle, void (*closed)(uv_async_s*)) {
  {
    std::lock_guard lock(Senders());
    if (Open().erase(handle) == 0) return;
    handle->closed = closed;
  }
  handle->environment->Post({Task::Kind::kCloseHandle, handle});
}

void RunAsync(uv_async_s* handle) {
  {
    std::lock_guard lock(Senders());
    if (!IsOpen(handle)) return;
    handle->woken = false;
  }
  handle->callback(handle);
}

void CloseAsync(uv_async_s* handle) {
  if (handle->closed != nullptr) handle->closed(handle);
}

void CloseOrphans(const Nan::ObjectWrap* owner) {
  std::vector<uv_async_s*> orphans;
  {
    std::lock_guard lock(Senders());
    for (uv_async_s* handle : Open()) {
      if (handle->owner == owner) orphans.push_back(handle);
    }
  }
  for (uv_async_s* handle : orphans) RequestClose(handle, nullptr);
}

}  // namespace bridge
