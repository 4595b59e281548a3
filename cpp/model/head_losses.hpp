// What a block of tokens loses: -ln p(target) = ln sum_w e^(logit_w) - logit_target, w over the vocabulary.
//
// The logits of a block are never all in memory: a segment of the vocabulary keeps the largest and the sum of
// e^(logit - largest) of each token, and the target's logit when it passes by. Segments are the units of work, and are
// put together in their order, in double.
#pragma once

#include "model/token_math.hpp"

namespace heed {

inline constexpr std::uint32_t kNoTarget = 0xFFFFFFFFu;

class HeadLosses {
 public:
  /// For blocks of up to `tokens`. False when there is no memory.
  [[nodiscard]] bool prepare(const WeightSlot& head, std::size_t tokens, TaskPool& pool) noexcept;

  /// losses[i] for token i of `in`, panels after the last norm; where there is no target it is left alone.
  void write(const WeightSlot& head, const float* in, const std::uint32_t* targets, std::size_t tokens, TokenMath& math,
             TaskPool& pool, float* losses) noexcept;

 private:
  struct Block;
  void run_segment(const Block& block, std::size_t segment, std::size_t thread) noexcept;
  double loss(std::size_t token, std::size_t panels, std::size_t segments) const noexcept;

  Buffer<float> logits_;         // (threads, panels, kWeightBlock, kPanel)
  Buffer<float> references_;     // (segments, panels, kPanel)
  Buffer<double> sums_;          // likewise
  Buffer<float> target_logits_;  // (tokens)
};

}  // namespace heed
