/** Messages by the batch, which the package hands over one object a message. */
#pragma once

#include <node_api.h>

namespace bridge {

/**
 * Adds `consumeBatch` to the module's exports:
 *
 *   consumeBatch(client, maxMessages, maxBytes, waitMs, callback(buffer, count, ends, error))
 *
 * takes up to `maxMessages` of what a connected consumer (`client.getClient()`) of one topic has
 * fetched, on a thread of the pool, and stops after the message that reaches `maxBytes`. It waits up
 * to `waitMs` for the first message and for no other, and serves the client's callbacks meanwhile.
 *
 * `buffer` is an ArrayBuffer of `count` records of 40 bytes, and behind them the messages' bytes.
 * A record is two doubles, the offset and the timestamp (-1 without one), and six 32-bit integers:
 * the partition, where the message's bytes begin behind the records, and the lengths of its value
 * and its key (-1 of null), of its headers, and 0. The bytes are those of the value, the key and
 * the headers, of which each is a 32-bit length and the name, and a 32-bit length (-1 of null) and
 * the value. All are in the machine's byte order.
 *
 * `ends` has the ends of partitions that were reached: a partition, its offset, and so on. `error`
 * is null, or the `{code, message}` of librdkafka's that ended the batch; what came before it counts.
 */
void AddConsumeBatch(napi_value exports);

}  // namespace bridge
