/**
 * Threads for blocking calls.
 *
 * napi_async_work is no use here: Bun runs as many at once as there are cores,
 * and one `consume` blocks its thread until messages come.
 */
#pragma once

#include <pthread.h>

#include <functional>

namespace bridge {

/** Runs work on a thread of the process's pool, which grows as calls block. */
void RunOnPool(std::function<void()> work);

/**
 * Starts a thread with all signals blocked, so that the runtime's handlers run
 * on the runtime's threads. Zero, or an errno.
 */
int StartThread(pthread_t* thread, void* (*body)(void*), void* argument);

}  // namespace bridge
