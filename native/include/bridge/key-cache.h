/**
 * Property keys that are literals in the sources, made into JavaScript strings
 * once an environment.
 *
 * A message has a dozen properties, so that without this every message makes a
 * dozen strings only to look up the same names. Node-API cannot refer to a
 * string for longer than a handle scope; the strings are therefore elements of
 * one array, and the handle of the last fetch is used again for as long as the
 * same scope is open.
 */
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bridge {

class KeyCache {
 public:
  /**
   * The string of a literal. Literals are told apart by address, which is why
   * a buffer whose text changes must never come here.
   */
  napi_value Get(napi_env env, uint64_t scope, const char* literal, size_t length) {
    size_t mask = entries_.size() - 1;
    size_t slot = entries_.empty() ? 0 : Hash(literal) & mask;
    while (!entries_.empty() && entries_[slot].literal != nullptr) {
      Entry& entry = entries_[slot];
      if (entry.literal == literal) {
        if (entry.scope != scope) Fetch(env, scope, entry);
        return entry.handle;
      }
      slot = (slot + 1) & mask;
    }
    return Add(env, scope, literal, length);
  }

 private:
  struct Entry {
    const char* literal = nullptr;
    uint32_t index = 0;
    uint64_t scope = 0;
    napi_value handle = nullptr;
  };

  static size_t Hash(const char* literal) {
    return (reinterpret_cast<uintptr_t>(literal) * 0x9E3779B97F4A7C15ull) >> 40;
  }

  void Fetch(napi_env env, uint64_t scope, Entry& entry);
  napi_value Add(napi_env env, uint64_t scope, const char* literal, size_t length);
  void Grow();

  std::vector<Entry> entries_;
  uint32_t count_ = 0;
  napi_ref strings_ = nullptr;
};

}  // namespace bridge
