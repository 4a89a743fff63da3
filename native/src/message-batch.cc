#include "bridge/message-batch.h"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "nan.h"
#include "src/kafka-consumer.h"

namespace bridge {
namespace {

using Info = Nan::FunctionCallbackInfo<v8::Value>;
using NodeKafka::KafkaConsumer;

/** So that the place of a message, and the length of the whole, fit into what they are kept in. */
constexpr int32_t kMostBytes = 1 << 30;

/** What is known of one message, as JavaScript reads it. */
struct Record {
  double offset;
  double timestamp;
  int32_t partition;
  int32_t start;
  int32_t value_length;
  int32_t key_length;
  int32_t headers_length;
  int32_t unused;
};
static_assert(sizeof(Record) == 40);

/** The lock of a client, which its disconnection takes for writing: it is the sources' own to take. */
struct Access : KafkaConsumer {
  static uv_rwlock_t& LockOf(KafkaConsumer* consumer) {
    return consumer->*(&Access::m_connection_lock);
  }
};

class ConsumeBatch : public Nan::AsyncWorker {
 public:
  ConsumeBatch(Nan::Callback* callback, KafkaConsumer* consumer, size_t max_messages,
               size_t max_bytes, int wait_ms)
      : AsyncWorker(callback),
        consumer_(consumer),
        max_messages_(max_messages),
        max_bytes_(max_bytes),
        wait_ms_(wait_ms) {}

  /** One by one, so that neither the bytes nor an error goes beyond where the batch has to end. */
  void Execute() override {
    NodeKafka::scoped_shared_read_lock lock(Access::LockOf(consumer_));
    const auto deadline = Clock::now() + std::chrono::milliseconds(wait_ms_);
    while (records_.size() < max_messages_ && bytes_.size() < max_bytes_) {
      // A client that is closing waits for the lock.
      if (!consumer_->IsConnected()) {
        error_ = RD_KAFKA_RESP_ERR__STATE;
        return;
      }
      int wait_ms = records_.empty() && wait_ms_ > 0 ? MillisecondsTo(deadline) : 0;
      rd_kafka_message_t* message =
          rd_kafka_consumer_poll(consumer_->GetClient()->c_ptr(), wait_ms);
      if (message == nullptr) return;
      bool goes_on = Take(message);
      rd_kafka_message_destroy(message);
      if (!goes_on) return;
    }
  }

 protected:
  void HandleOKCallback() override {
    // The Worker has ended, and nobody is told.
    if (Environment::Current() == nullptr) return;
    v8::Local<v8::Array> ends = Nan::New<v8::Array>();
    for (uint32_t i = 0; i < ends_.size(); i++) Nan::Set(ends, i, Nan::New<v8::Number>(ends_[i]));
    v8::Local<v8::Value> error = Nan::Null();
    if (error_ != RD_KAFKA_RESP_ERR_NO_ERROR) {
      error = NodeKafka::RdKafkaError(static_cast<RdKafka::ErrorCode>(error_));
    }
    auto count = Nan::New<v8::Number>(static_cast<double>(records_.size()));
    v8::Local<v8::Value> arguments[] = {Buffer(), count, ends, error};
    callback->Call(4, arguments);
  }

  /** Never: what went wrong comes with what went well before it. */
  void HandleErrorCallback() override {}

 private:
  using Clock = std::chrono::steady_clock;

  static int MillisecondsTo(Clock::time_point deadline) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return left > 0 ? static_cast<int>(left) : 0;
  }

  /** Whether others may come after it. */
  bool Take(rd_kafka_message_t* message) {
    switch (message->err) {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        Pack(message);
        return true;
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        ends_.push_back(message->partition);
        ends_.push_back(static_cast<double>(message->offset));
        return true;
      default:
        error_ = message->err;
        return false;
    }
  }

  void Pack(rd_kafka_message_t* message) {
    auto start = static_cast<int32_t>(bytes_.size());
    int32_t value_length = Append(message->payload, message->len);
    int32_t key_length = Append(message->key, message->key_len);
    size_t headers_start = bytes_.size();
    AppendHeaders(message);
    records_.push_back({static_cast<double>(message->offset),
                        static_cast<double>(rd_kafka_message_timestamp(message, nullptr)),
                        message->partition, start, value_length, key_length,
                        static_cast<int32_t>(bytes_.size() - headers_start), 0});
  }

  void AppendHeaders(rd_kafka_message_t* message) {
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    const char* name = nullptr;
    const void* value = nullptr;
    size_t length = 0;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &length) ==
                       RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
      AppendWithLength(name, std::strlen(name));
      AppendWithLength(value, length);
    }
  }

  void AppendWithLength(const void* data, size_t length) {
    auto stated = data == nullptr ? -1 : static_cast<int32_t>(length);
    Append(&stated, sizeof stated);
    Append(data, length);
  }

  /** Returns the length, or -1 of null. */
  int32_t Append(const void* data, size_t length) {
    if (data == nullptr) return -1;
    auto* bytes = static_cast<const char*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + length);
    return static_cast<int32_t>(length);
  }

  v8::Local<v8::Value> Buffer() const {
    size_t ahead = records_.size() * sizeof(Record);
    void* data = nullptr;
    napi_value buffer = nullptr;
    if (!Ok(napi_create_arraybuffer, ahead + bytes_.size(), &data, &buffer)) {
      throw Failure("There is no memory for a batch of messages");
    }
    if (ahead > 0) std::memcpy(data, records_.data(), ahead);
    if (!bytes_.empty()) {
      std::memcpy(static_cast<char*>(data) + ahead, bytes_.data(), bytes_.size());
    }
    return v8::Local<v8::Value>::FromRaw(buffer);
  }

  KafkaConsumer* const consumer_;
  const size_t max_messages_;
  const size_t max_bytes_;
  const int wait_ms_;
  std::vector<Record> records_;
  std::vector<char> bytes_;
  std::vector<double> ends_;
  rd_kafka_resp_err_t error_ = RD_KAFKA_RESP_ERR_NO_ERROR;
};

int32_t WholeNumber(v8::Local<v8::Value> value, int32_t least, int32_t most, const char* problem) {
  int64_t number = value->IsNumber() ? Nan::To<int64_t>(value).FromJust() : -1;
  if (number < least || number > most) throw Failure(problem);
  return static_cast<int32_t>(number);
}

void Consume(const Info& info) {
  auto* consumer = Nan::ObjectWrap::Unwrap<KafkaConsumer>(info[0].As<v8::Object>());
  int32_t messages = WholeNumber(info[1], 1, INT32_MAX, "maxMessages must be 1 or more");
  int32_t bytes = WholeNumber(info[2], 1, kMostBytes, "maxBytes must be from 1 to 2^30");
  int32_t wait = WholeNumber(info[3], 0, INT32_MAX, "waitMs must be 0 or more");
  if (!info[4]->IsFunction()) throw Failure("callback must be a function");
  auto* callback = new Nan::Callback(info[4].As<v8::Function>());
  auto* job = new ConsumeBatch(callback, consumer, messages, bytes, wait);
  job->HoldNativeObjects();
  // Not the receiver, which has no client.
  job->subject = consumer;
  Environment::Current()->Start(job);
}

}  // namespace

void AddConsumeBatch(napi_value exports) {
  auto target = v8::Local<v8::Object>::FromRaw(exports);
  auto function = Nan::GetFunction(Nan::New<v8::FunctionTemplate>(Consume)).ToLocalChecked();
  Nan::Set(target, Nan::New("consumeBatch").ToLocalChecked(), function);
}

}  // namespace bridge
