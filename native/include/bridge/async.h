/** The library's side of `uv_async_t`; `uv.h` has the names the sources use. */
#pragma once

#include <mutex>

struct uv_async_s;
struct uv_loop_s;

namespace Nan {
class ObjectWrap;
}

namespace bridge {

using AsyncCallback = void (*)(uv_async_s*);

/**
 * The senders' lock. Held while anything is sent to an environment and while
 * one ends, and around the list of open handles; so a thread of librdkafka's
 * that is late finds its handle gone, not freed memory.
 */
std::mutex& Senders();

/** uv_async_init: opens a handle in the current environment and keeps it alive. */
int OpenAsync(uv_async_s* handle, AsyncCallback callback);

/** uv_async_send, from any thread; wakes not yet seen are one. */
int SendAsync(uv_async_s* handle);

/** uv_close, from any thread: the sources' AdminClient disconnects on the pool. */
void RequestClose(uv_async_s* handle, void (*closed)(uv_async_s*));

/** Runs a woken handle's callback, on the JavaScript thread. */
void RunAsync(uv_async_s* handle);

/** Runs a closing handle's last callback, on the JavaScript thread. */
void CloseAsync(uv_async_s* handle);

/** Whether a handle is open. With the senders' lock held. */
bool IsOpen(uv_async_s* handle);

/** Closes what a native object opened and did not close before it died. */
void CloseOrphans(const Nan::ObjectWrap* owner);

/** The native object whose job this thread of the pool runs, or null. */
extern thread_local Nan::ObjectWrap* working_for;

}  // namespace bridge
