// The options of a top-k row as they cross from JavaScript, for every search.
#pragma once

#include "bindings/runtime.hpp"
#include "sparse/topk_attention.hpp"

namespace heed::bindings {

/// Field for field `RawTopKOptions` in web/src/runtime/raw.ts.
struct JsTopKOptions {
  std::uint32_t k;
  double alpha, exponent;
  std::uint32_t min, max;
  int estimator;
  Address dropped, bound, kept, indices, offsets;

  Budget budget() const noexcept { return {k, {alpha, exponent, min, max}}; }

  TopKOptions options() const noexcept {
    return {budget(),
            static_cast<Estimator>(estimator),
            at<float>(dropped),
            at<float>(bound),
            at<std::uint32_t>(kept),
            at<std::uint32_t>(indices),
            at<const std::uint32_t>(offsets)};
  }
};

}  // namespace heed::bindings
