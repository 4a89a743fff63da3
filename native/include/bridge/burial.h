/** What becomes of clients that are alive when their Worker ends. */
#pragma once

struct uv_async_s;

namespace Nan {
class ObjectWrap;
}

namespace bridge {

/**
 * Closes and deletes a native object, on a thread of the pool. A consumer
 * leaves its group, which would otherwise wait for it until
 * `max.poll.interval.ms` has passed.
 */
void BuryWrap(Nan::ObjectWrap* wrap);

/**
 * Answers a rebalance in place of JavaScript that has gone, if this wake is
 * one's and its consumer is closing: close() waits until the assignment is
 * given up. Only on the thread that is closing it.
 */
void AnswerRebalance(uv_async_s* handle);

/** The same for a wake that JavaScript did not live to see, on another thread. */
void AnswerLostRebalance(uv_async_s* handle);

}  // namespace bridge
