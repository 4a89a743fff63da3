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
 * Answers a rebalance in place of JavaScript that has gone, if `wrap` is a
 * consumer that is closing: close() waits until the assignment is given up.
 * Only from the thread that is closing it.
 */
void AnswerRebalance(Nan::ObjectWrap* wrap);

/** The same for a wake that JavaScript did not live to see. */
void AnswerLostWake(uv_async_s* handle);

}  // namespace bridge
