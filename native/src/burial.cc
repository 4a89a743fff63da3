#include "bridge/burial.h"

#include <chrono>

#include "bridge/async.h"
#include "nan.h"
#include "src/kafka-consumer.h"

namespace bridge {
namespace {

using NodeKafka::KafkaConsumer;

constexpr auto kPatience = std::chrono::seconds(60);

void Ignore(rd_kafka_error_t* error) {
  if (error != nullptr) rd_kafka_error_destroy(error);
}

/**
 * Answers whatever rebalance is going on by giving up the assignment. Of the
 * calls for the two protocols, librdkafka refuses those that are out of place.
 */
void GiveUpAssignment(rd_kafka_t* client) {
  rd_kafka_assign(client, nullptr);
  const char* protocol = rd_kafka_rebalance_protocol(client);
  if (protocol == nullptr || std::strcmp(protocol, "COOPERATIVE") != 0) return;
  rd_kafka_topic_partition_list_t* nothing = rd_kafka_topic_partition_list_new(0);
  Ignore(rd_kafka_incremental_assign(client, nothing));
  rd_kafka_topic_partition_list_destroy(nothing);
  rd_kafka_topic_partition_list_t* assignment = nullptr;
  if (rd_kafka_assignment(client, &assignment) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  Ignore(rd_kafka_incremental_unassign(client, assignment));
  rd_kafka_topic_partition_list_destroy(assignment);
}

/**
 * Closes a consumer, as its destructor would, but answers what JavaScript may
 * have been told of long ago and never will answer. False if it cannot be done.
 */
bool LeaveGroup(rd_kafka_t* client) {
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  Ignore(rd_kafka_consumer_close_queue(client, queue));
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!rd_kafka_consumer_closed(client) && std::chrono::steady_clock::now() < deadline) {
    GiveUpAssignment(client);
    // As events, whose rebalances the next round answers.
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 20);
    if (event != nullptr) rd_kafka_event_destroy(event);
  }
  rd_kafka_queue_destroy(queue);
  return rd_kafka_consumer_closed(client);
}

}  // namespace

void BuryWrap(Nan::ObjectWrap* wrap) {
  auto* consumer = dynamic_cast<KafkaConsumer*>(wrap);
  bool connected = consumer != nullptr && consumer->IsConnected();
  if (connected && !LeaveGroup(consumer->GetClient()->c_ptr())) return;
  delete wrap;
}

void AnswerRebalance(Nan::ObjectWrap* wrap) {
  auto* consumer = dynamic_cast<KafkaConsumer*>(wrap);
  if (consumer != nullptr && consumer->IsClosing()) {
    GiveUpAssignment(consumer->GetClient()->c_ptr());
  }
}

void AnswerLostWake(uv_async_s* handle) {
  // While no thread of a consume loop runs, every handle is a dispatcher's.
  auto* dispatcher = static_cast<NodeKafka::Callbacks::Dispatcher*>(handle->data);
  if (dynamic_cast<NodeKafka::Callbacks::RebalanceDispatcher*>(dispatcher) != nullptr) {
    AnswerRebalance(handle->owner);
  }
}

}  // namespace bridge
