/**
 * The used part of V8's values, each on one Node-API handle.
 *
 * `Local<T>` holds a `T` by value, and every T is one napi_value, so that an
 * array of locals is an array of handles. Like V8's, a Local is valid until
 * the handle scope it was made in closes.
 */
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>

#include "bridge/environment.h"

namespace v8 {

class Array;
class Object;
class Function;
class String;

/** The sources pass these around; here an environment has only one of each. */
class Context {};
class Isolate {
 public:
  static Isolate* GetCurrent() { return nullptr; }
};

template <class T>
class Local {
 public:
  Local() = default;
  explicit Local(T value) : value_(value) {}
  template <class S>
    requires std::is_base_of_v<T, S>
  Local(Local<S> other) : value_(other.Raw()) {}

  static Local FromRaw(napi_value raw) { return Local(T(raw)); }
  template <class S>
  static Local Cast(Local<S> other) {
    return other.template As<T>();
  }

  /** An unchecked cast, as in V8. */
  template <class S>
  Local<S> As() const {
    return Local<S>::FromRaw(Raw());
  }

  bool IsEmpty() const { return Raw() == nullptr; }
  napi_value Raw() const { return value_.raw(); }

  T* operator->() const { return const_cast<T*>(&value_); }
  T& operator*() const { return const_cast<T&>(value_); }

  template <class S>
  bool operator==(const Local<S>& other) const {
    bool same = false;
    return Raw() != nullptr && other.Raw() != nullptr &&
           bridge::Ok(napi_strict_equals, Raw(), other.Raw(), &same) && same;
  }

 private:
  T value_{};
};

/** A result that is there, or an exception that JavaScript has thrown. */
template <class T>
class Maybe {
 public:
  Maybe() = default;
  explicit Maybe(T value) : value_(value), present_(true) {}

  bool IsNothing() const { return !present_; }
  bool IsJust() const { return present_; }
  T FromMaybe(T otherwise) const { return present_ ? value_ : otherwise; }
  T FromJust() const {
    if (!present_ && bridge::Environment::Current() != nullptr) {
      throw bridge::Failure("A value of another type was expected");
    }
    return value_;
  }
  T ToChecked() const { return FromJust(); }

 private:
  T value_{};
  bool present_ = false;
};

template <class T>
class MaybeLocal {
 public:
  MaybeLocal() = default;
  template <class S>
    requires std::is_base_of_v<T, S>
  MaybeLocal(Local<S> local) : local_(local) {}

  bool IsEmpty() const { return local_.IsEmpty(); }

  template <class S>
  bool ToLocal(Local<S>* out) const {
    *out = local_;
    return !IsEmpty();
  }

  /** Without an environment nothing is left to be checked, and nothing throws. */
  Local<T> ToLocalChecked() const {
    if (IsEmpty() && bridge::Environment::Current() != nullptr) {
      throw bridge::Failure("A value was expected and there is none");
    }
    return local_;
  }

 private:
  Local<T> local_;
};

class Value {
 public:
  Value() = default;
  explicit Value(napi_value raw) : raw_(raw) {}
  napi_value raw() const { return raw_; }

  bool IsUndefined() const { return Is(napi_undefined); }
  bool IsNull() const { return Is(napi_null); }
  bool IsNullOrUndefined() const { return IsNull() || IsUndefined(); }
  bool IsBoolean() const { return Is(napi_boolean); }
  bool IsNumber() const { return Is(napi_number); }
  bool IsString() const { return Is(napi_string); }
  bool IsFunction() const { return Is(napi_function); }
  /** As in V8, a function is an object too. */
  bool IsObject() const {
    napi_valuetype type = Type();
    return type == napi_object || type == napi_function || type == napi_external;
  }
  bool IsArray() const {
    bool is = false;
    return raw_ != nullptr && bridge::Ok(napi_is_array, raw_, &is) && is;
  }
  bool IsInt32() const { return IsWholeWithin(INT32_MIN, INT32_MAX); }
  bool IsUint32() const { return IsWholeWithin(0, UINT32_MAX); }
  bool IsRegExp() const;

  Maybe<int32_t> Int32Value(Local<Context>) const { return ToInteger<int32_t>(); }
  Maybe<uint32_t> Uint32Value(Local<Context>) const { return ToInteger<uint32_t>(); }
  MaybeLocal<Object> ToObject(Local<Context>) const;

  /** JavaScript's conversion to a number first: callers pass null for a time-out. */
  template <class Integer>
  Maybe<Integer> ToInteger() const {
    Integer result{};
    if (Get(raw_, &result)) return Maybe<Integer>(result);
    napi_value number = nullptr;
    if (raw_ != nullptr && bridge::Ok(napi_coerce_to_number, raw_, &number) &&
        Get(number, &result)) {
      return Maybe<Integer>(result);
    }
    return Maybe<Integer>();
  }

 private:
  napi_valuetype Type() const {
    napi_valuetype type = napi_undefined;
    if (raw_ == nullptr || !bridge::Ok(napi_typeof, raw_, &type)) return napi_undefined;
    return type;
  }
  bool Is(napi_valuetype type) const { return Type() == type; }

  bool IsWholeWithin(double low, double high) const {
    double number = 0;
    return IsNumber() && bridge::Ok(napi_get_value_double, raw_, &number) && number >= low &&
           number <= high && number == std::trunc(number) &&
           !(number == 0 && std::signbit(number));
  }

  static bool Get(napi_value raw, int32_t* result) {
    return bridge::Ok(napi_get_value_int32, raw, result);
  }
  static bool Get(napi_value raw, uint32_t* result) {
    return bridge::Ok(napi_get_value_uint32, raw, result);
  }
  static bool Get(napi_value raw, int64_t* result) {
    return bridge::Ok(napi_get_value_int64, raw, result);
  }

  napi_value raw_ = nullptr;
};

class Primitive : public Value {
 public:
  using Value::Value;
};

class Boolean : public Primitive {
 public:
  using Primitive::Primitive;
};

class String : public Primitive {
 public:
  using Primitive::Primitive;
};

class Number : public Primitive {
 public:
  using Primitive::Primitive;
};

class Int32 : public Number {
 public:
  using Number::Number;
};

class BigInt : public Primitive {
 public:
  using Primitive::Primitive;
  static Local<BigInt> New(Isolate*, int64_t value) {
    napi_value raw = nullptr;
    bridge::Ok(napi_create_bigint_int64, value, &raw);
    return Local<BigInt>::FromRaw(raw);
  }
};

class Object : public Value {
 public:
  using Value::Value;

  /** Own, enumerable, strings only; an index comes as a string. */
  MaybeLocal<Array> GetOwnPropertyNames(Local<Context>) const;
};

class Array : public Object {
 public:
  using Object::Object;

  /** Zero where it is not an array: the KafkaJS layer passes null for headers. */
  uint32_t Length() const {
    uint32_t length = 0;
    if (IsArray()) bridge::Ok(napi_get_array_length, raw(), &length);
    return length;
  }
};

class Function : public Object {
 public:
  using Object::Object;
};

class RegExp : public Object {
 public:
  using Object::Object;

  Local<String> GetSource() const {
    napi_value source = nullptr;
    bridge::Ok(napi_get_named_property, raw(), "source", &source);
    return Local<String>::FromRaw(source);
  }
};

inline bool Value::IsRegExp() const {
  napi_value global = nullptr, constructor = nullptr;
  bool is = false;
  return IsObject() && bridge::Ok(napi_get_global, &global) &&
         bridge::Ok(napi_get_named_property, global, "RegExp", &constructor) &&
         bridge::Ok(napi_instanceof, raw_, constructor, &is) && is;
}

inline MaybeLocal<Object> Value::ToObject(Local<Context>) const {
  // Spares the call for what is one already.
  if (IsObject()) return Local<Object>::FromRaw(raw_);
  napi_value object = nullptr;
  if (raw_ != nullptr) bridge::Ok(napi_coerce_to_object, raw_, &object);
  return Local<Object>::FromRaw(object);
}

inline MaybeLocal<Array> Object::GetOwnPropertyNames(Local<Context>) const {
  napi_value names = nullptr;
  bridge::Ok(napi_get_all_property_names, raw(), napi_key_own_only,
             static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols),
             napi_key_numbers_to_strings, &names);
  return Local<Array>::FromRaw(names);
}

/**
 * A strong reference. It has no destructor, as in V8: the sources reset it
 * themselves, and what they forget lives as long as its environment.
 */
template <class T>
class Persistent {
 public:
  Persistent() = default;
  template <class S>
  explicit Persistent(Local<S> local) {
    Reset(local);
  }

  template <class S>
  void Reset(Local<S> local) {
    Reset();
    bridge::Environment* environment = bridge::Environment::Current();
    if (environment == nullptr || local.IsEmpty()) return;
    napi_value target = local.Raw();
    // Node-API refers to objects only, and an opaque may be anything.
    boxed_ = !local->IsObject();
    if (boxed_) {
      napi_value box = nullptr;
      if (!bridge::Ok(napi_create_array_with_length, size_t{1}, &box) ||
          !bridge::Ok(napi_set_element, box, 0u, target)) {
        return;
      }
      target = box;
    }
    if (bridge::Ok(napi_create_reference, target, 1u, &reference_)) environment_ = environment;
  }

  /**
   * A reference of another environment is left to it: one static of the
   * sources is set again by every Worker.
   */
  void Reset() {
    if (reference_ != nullptr && environment_ == bridge::Environment::Current()) {
      bridge::Ok(napi_delete_reference, reference_);
    }
    reference_ = nullptr;
    environment_ = nullptr;
  }

  bool IsEmpty() const { return reference_ == nullptr; }

  Local<T> Get() const {
    napi_value value = nullptr;
    if (reference_ == nullptr || environment_ != bridge::Environment::Current() ||
        !bridge::Ok(napi_get_reference_value, reference_, &value) || value == nullptr) {
      return Local<T>();
    }
    if (boxed_) {
      napi_value content = nullptr;
      bridge::Ok(napi_get_element, value, 0u, &content);
      value = content;
    }
    return Local<T>::FromRaw(value);
  }

 private:
  napi_ref reference_ = nullptr;
  bridge::Environment* environment_ = nullptr;
  bool boxed_ = false;
};

}  // namespace v8
