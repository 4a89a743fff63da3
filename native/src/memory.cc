#include "bridge/memory.h"

#include "nan.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace bridge {
namespace {

void TrimMemory(const Nan::FunctionCallbackInfo<v8::Value>&) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace

void AddTrimMemory(napi_value exports) {
  auto target = v8::Local<v8::Object>::FromRaw(exports);
  auto function = Nan::GetFunction(Nan::New<v8::FunctionTemplate>(TrimMemory)).ToLocalChecked();
  Nan::Set(target, Nan::New("trimMemory").ToLocalChecked(), function);
}

}  // namespace bridge
