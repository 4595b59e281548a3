// What attention looked like over the rows of a run, per layer and query head: sums to be divided by the number of
// rows, unless another word is said. For each row what cache/monitor.hpp tells of its exact weights, and what the
// policy of the head left out of them.
//
//   R = B^2 ||W||    R_rms = v ||W||    B = inputPeak, v = inputPower / rows, ||W|| = norm    (theory/radius.hpp)
//
// where x is what the layer's first norm makes of its input before the gain, so that v is 1 but for epsilon, and
//
//   norm = scale sqrt(1/2 sum_f ||W_Q^f||_F^2 ||W_K^f||_F^2)      (theory/rope.hpp; the gain is part of W)
//
// the norm of W_Q W_K^T averaged over all offsets. With a norm on each query and key there is no such W, and norm is 0.
#pragma once

#include "cache/monitor.hpp"
#include "model/layer_attention.hpp"
#include "model/weights.hpp"

namespace heed {

/// The order is the order of `rawProfiled` in web/src/runtime/raw.ts.
enum Profiled {
  kRows,
  kKept,
  kDropped,
  kBound,
  kEntropy,
  kEffective,
  kSigma,
  kSink,
  kSelf,
  kExponent,
  kInputPeak,  // the largest so far
  kInputPower,
  kNorm,  // set
  kProfiled
};

class RunProfile {
 public:
  RunProfile(const ModelWeights& weights, TaskPool& pool) noexcept : weights_(weights), pool_(pool) {}

  /// For chunks of up to `tokens`, adding to `out` (layers, heads, kProfiled). kOutOfMemory.
  Status prepare(std::size_t tokens, double* out);
  bool wanted() const noexcept { return out_ != nullptr; }

  /// The normalized inputs of a layer: their largest number, and the sum over tokens of their mean square.
  void add_inputs(std::size_t layer, double peak, double power) noexcept;
  /// After attention, which told of its rows; q (heads, tokens, head_dim), the cache with the tokens.
  Status add_rows(KvCache& cache, std::size_t layer, std::size_t tokens, const float* q, const PolicyTable& policies,
                  const LayerAttention::Report& told);

 private:
  double* of(std::size_t layer, std::size_t head) const noexcept {
    return out_ + (layer * weights_.shape().heads + head) * kProfiled;
  }
  void write_norms() noexcept;

  const ModelWeights& weights_;
  TaskPool& pool_;
  double* out_ = nullptr;
  Buffer<float> queries_, outs_, lse_;
  Buffer<double> monitored_, squares_;
};

}  // namespace heed
