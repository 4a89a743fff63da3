#include "bridge/burial.h"

#include <chrono>
#include <cstring>
#include <thread>

#include "bridge/async.h"
#include "nan.h"
#include "src/kafka-consumer.h"

namespace bridge {
namespace {

using NodeKafka::KafkaConsumer;

/** Milliseconds to wait for an event; how many in silence, and in all. */
constexpr int kPoll = 20;
constexpr int kSilence = 50;
constexpr int kPatience = 3000;

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
 * have been told of and never will answer. False if it cannot be done.
 */
bool LeaveGroup(rd_kafka_t* client) {
  GiveUpAssignment(client);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  Ignore(rd_kafka_consumer_close_queue(client, queue));
  for (int quiet = 0, left = kPatience; !rd_kafka_consumer_closed(client) && left > 0; left--) {
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kPoll);
    quiet = event == nullptr ? quiet + 1 : 0;
    // Once for each rebalance: a call that comes after the end of the group
    // is never answered. A long silence is one that nobody was told of.
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE || quiet == kSilence) {
      rd_kafka_assign(client, nullptr);
      quiet = 0;
    }
    rd_kafka_event_destroy(event);
  }
  rd_kafka_queue_destroy(queue);
  return rd_kafka_consumer_closed(client);
}

/** The consumer that waits in close() for the answer to this wake, or null. */
KafkaConsumer* WaitingFor(uv_async_s* handle) {
  // While no thread of a consume loop runs, every handle is a dispatcher's.
  auto* dispatcher = static_cast<NodeKafka::Callbacks::Dispatcher*>(handle->data);
  if (dynamic_cast<NodeKafka::Callbacks::RebalanceDispatcher*>(dispatcher) == nullptr) {
    return nullptr;
  }
  auto* consumer = dynamic_cast<KafkaConsumer*>(handle->owner);
  return consumer != nullptr && consumer->IsClosing() ? consumer : nullptr;
}

}  // namespace

void BuryWrap(Nan::ObjectWrap* wrap) {
  auto* consumer = dynamic_cast<KafkaConsumer*>(wrap);
  bool connected = consumer != nullptr && consumer->IsConnected();
  if (connected && !LeaveGroup(consumer->GetClient()->c_ptr())) return;
  delete wrap;
}

void AnswerRebalance(uv_async_s* handle) {
  KafkaConsumer* consumer = WaitingFor(handle);
  if (consumer != nullptr) rd_kafka_assign(consumer->GetClient()->c_ptr(), nullptr);
}

void AnswerLostRebalance(uv_async_s* handle) {
  // Refused by the cooperative protocol until close() has begun in earnest.
  // Until it is answered close() waits, so that the client is there.
  for (int left = kPatience; left > 0; left--) {
    KafkaConsumer* consumer = WaitingFor(handle);
    if (consumer == nullptr) return;
    rd_kafka_t* client = consumer->GetClient()->c_ptr();
    if (rd_kafka_assign(client, nullptr) == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(kPoll));
  }
}

}  // namespace bridge
