/** Controls of librdkafka's mock cluster, which the package does not offer. */
#pragma once

#include <node_api.h>

namespace bridge {

/**
 * Adds `mockCluster` to the module's exports. Each function takes a native
 * client (`client.getClient()`) that was made with `test.mock.num.brokers`.
 *
 *   setRebalanceDelay(client, ms)       how long a new group waits for members; 3000 at first
 *   createTopic(client, name, count)    a topic with so many partitions; 4 if it is not created
 *   setBrokerUp(client, id, up)         takes a broker away, or brings it back
 *   failNext(client, apiKey, codes)     the errors that the next requests of a kind are given
 */
void AddMockCluster(napi_value exports);

}  // namespace bridge
