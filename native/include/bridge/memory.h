/** The memory that C and C++ have freed. */
#pragma once

#include <node_api.h>

namespace bridge {

/**
 * Adds `trimMemory` to the module's exports: trimMemory() gives back to the system what librdkafka has
 * freed and the allocator keeps (`malloc_trim(3)`; where there is no such function, nothing happens).
 */
void AddTrimMemory(napi_value exports);

}  // namespace bridge
