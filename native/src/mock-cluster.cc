#include "bridge/mock-cluster.h"

#include "nan.h"
#include "src/connection.h"

// After rdkafka.h, which it does not include itself.
#include "rdkafka_mock.h"

namespace bridge {
namespace {

using Info = Nan::FunctionCallbackInfo<v8::Value>;

rd_kafka_mock_cluster_t* ClusterOf(const Info& info) {
  auto* connection = Nan::ObjectWrap::Unwrap<NodeKafka::Connection>(info[0].As<v8::Object>());
  RdKafka::Handle* client = connection->IsConnected() ? connection->GetClient() : nullptr;
  auto* cluster = client == nullptr ? nullptr : rd_kafka_handle_mock_cluster(client->c_ptr());
  if (cluster == nullptr) throw Failure("The client has no mock cluster, or is not connected");
  return cluster;
}

void Check(rd_kafka_resp_err_t error) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw Failure(rd_kafka_err2str(error));
}

void SetRebalanceDelay(const Info& info) {
  auto* cluster = ClusterOf(info);
  rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, Nan::To<int32_t>(info[1]).FromJust());
}

void CreateTopic(const Info& info) {
  auto* cluster = ClusterOf(info);
  Nan::Utf8String name(info[1]);
  Check(rd_kafka_mock_topic_create(cluster, *name, Nan::To<int32_t>(info[2]).FromJust(), 1));
}

void SetBrokerUp(const Info& info) {
  auto* cluster = ClusterOf(info);
  int32_t broker = Nan::To<int32_t>(info[1]).FromJust();
  bool up = Nan::To<bool>(info[2]).FromJust();
  Check(up ? rd_kafka_mock_broker_set_up(cluster, broker)
           : rd_kafka_mock_broker_set_down(cluster, broker));
}

void FailNext(const Info& info) {
  auto* cluster = ClusterOf(info);
  auto codes = info[2].As<v8::Array>();
  std::vector<rd_kafka_resp_err_t> errors;
  for (uint32_t i = 0; i < codes->Length(); i++) {
    int32_t code = Nan::To<int32_t>(Nan::Get(codes, i).ToLocalChecked()).FromJust();
    errors.push_back(static_cast<rd_kafka_resp_err_t>(code));
  }
  auto kind = static_cast<int16_t>(Nan::To<int32_t>(info[1]).FromJust());
  rd_kafka_mock_push_request_errors_array(cluster, kind, errors.size(), errors.data());
}

void Add(v8::Local<v8::Object> target, const char* name, Nan::FunctionCallback function) {
  Nan::Set(target, Nan::New(name).ToLocalChecked(),
           Nan::GetFunction(Nan::New<v8::FunctionTemplate>(function)).ToLocalChecked());
}

}  // namespace

void AddMockCluster(napi_value exports) {
  v8::Local<v8::Object> controls = Nan::New<v8::Object>();
  Add(controls, "setRebalanceDelay", SetRebalanceDelay);
  Add(controls, "createTopic", CreateTopic);
  Add(controls, "setBrokerUp", SetBrokerUp);
  Add(controls, "failNext", FailNext);
  auto target = v8::Local<v8::Object>::FromRaw(exports);
  Nan::Set(target, Nan::New("mockCluster").ToLocalChecked(), controls);
}

}  // namespace bridge
