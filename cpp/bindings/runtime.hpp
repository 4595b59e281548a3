// What the bindings share: the pool of this module, addresses from JavaScript, status codes to it.
#pragma once

#include <emscripten/bind.h>

#include <cstdint>
#include <string>
#include <utility>

#include "attention/problem.hpp"
#include "base/status.hpp"
#include "parallel/task_pool.hpp"

namespace heed::bindings {

/// A byte offset into the module's memory; 0 is "none". A double, because that is a number in JavaScript for modules of
/// 32 and of 64 bits: integers of 64 bits would come as BigInt. It holds every offset below 2^53.
using Address = double;

template <class T>
T* at(Address address) noexcept {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

inline Address address_of(const void* pointer) noexcept {
  return static_cast<Address>(reinterpret_cast<std::uintptr_t>(pointer));
}

/// The pool that every job of this module runs on.
TaskPool& pool();

struct JsStatus {
  int code;
  std::string detail;
};

inline JsStatus to_js(const Status& status) { return {static_cast<int>(status.code), status.detail}; }

/// Field for field `RawProblem` in web/src/runtime/raw.ts. Sizes come as numbers, checked there to be whole.
struct JsProblem {
  Address q, k, v, out, lse, bias, allowed;
  std::uint32_t batch, queries, keys, heads, kv_heads, head_dim, value_dim, window, sinks;
  double scale, softcap;
  bool causal, head_major, mask_per_head;
  int accumulate;

  AttentionProblem problem() const noexcept {
    AttentionProblem p;
    p.shape = {batch,    queries,  keys,      heads,
               kv_heads, head_dim, value_dim, head_major ? Layout::kHeadMajor : Layout::kTokenMajor,
               causal,   window,   sinks};
    p.q = at<const float>(q);
    p.k = at<const float>(k);
    p.v = at<const float>(v);
    p.out = at<float>(out);
    p.lse = at<float>(lse);
    p.scale = scale;
    p.softcap = softcap;
    p.mask = {at<const float>(bias), at<const std::uint8_t>(allowed), mask_per_head};
    p.accumulate = static_cast<Accumulate>(accumulate);
    return p;
  }
};

/// The face of long work: something with status(), units() and run(Range). Owned by JavaScript.
template <class Work>
class Job {
 public:
  template <class... Arguments>
  explicit Job(Arguments&&... arguments) : work_(std::forward<Arguments>(arguments)..., pool()) {}

  JsStatus status() const { return to_js(work_.status()); }
  std::uint32_t units() const { return static_cast<std::uint32_t>(work_.units()); }
  void run(std::uint32_t from, std::uint32_t to) { work_.run({from, to}); }
  const Work& work() const noexcept { return work_; }

 private:
  Work work_;
};

/// Registers Job<Work> under `name`; `make` is its constructor in JavaScript.
template <class Work, class... Arguments>
void bind_job(const char* name, Job<Work>* (*make)(Arguments...)) {
  emscripten::class_<Job<Work>>(name)
      .constructor(make, emscripten::allow_raw_pointers())
      .function("status", &Job<Work>::status)
      .function("units", &Job<Work>::units)
      .function("run", &Job<Work>::run);
}

}  // namespace heed::bindings
