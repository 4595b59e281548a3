#include "model/head_losses.hpp"

#include <algorithm>
#include <cmath>

#include "simd/softmax_pass.hpp"

namespace heed {
namespace {

using simd::kPanel;

// Rows of a segment.
constexpr std::size_t kSegment = 1024 / simd::kWeightBlock * simd::kWeightBlock;
constexpr std::size_t kBlockLogits = simd::kWeightBlock * kPanel;

std::size_t segments_of(const WeightSlot& head) noexcept { return (head.rows + kSegment - 1) / kSegment; }
std::size_t panels_of(std::size_t tokens) noexcept { return (tokens + kPanel - 1) / kPanel; }

}  // namespace

struct HeadLosses::Block {
  const WeightSlot& head;
  const float* in;
  const std::uint32_t* targets;
  std::size_t tokens;
  TokenMath& math;
};

bool HeadLosses::prepare(const WeightSlot& head, std::size_t tokens, TaskPool& pool) noexcept {
  const std::size_t panels = panels_of(tokens), states = segments_of(head) * panels * kPanel;
  return logits_.resize(pool.threads() * panels * kBlockLogits) && references_.resize(states) && sums_.resize(states) &&
         target_logits_.resize(tokens);
}

void HeadLosses::write(const WeightSlot& head, const float* in, const std::uint32_t* targets, std::size_t tokens,
                       TokenMath& math, TaskPool& pool, float* losses) noexcept {
  const Block block{head, in, targets, tokens, math};
  const std::size_t segments = segments_of(head), panels = panels_of(tokens);
  pool.run({0, segments}, [&](std::size_t segment, std::size_t thread) { run_segment(block, segment, thread); });
  for (std::size_t i = 0; i < tokens; ++i)
    if (targets[i] != kNoTarget) losses[i] = static_cast<float>(loss(i, panels, segments));
}

void HeadLosses::run_segment(const Block& block, std::size_t segment, std::size_t thread) noexcept {
  const std::size_t panels = panels_of(block.tokens);
  float* const logits = logits_.data() + thread * panels * kBlockLogits;
  float* const references = references_.data() + segment * panels * kPanel;
  double* const sums = sums_.data() + segment * panels * kPanel;
  std::fill_n(references, panels * kPanel, -simd::kInfinity);
  std::fill_n(sums, panels * kPanel, 0.0);
  const std::size_t end = std::min((segment + 1) * kSegment, block.head.rows);
  for (std::size_t first = segment * kSegment; first < end; first += simd::kWeightBlock) {
    const std::size_t rows = std::min(simd::kWeightBlock, end - first);
    block.math.rows_of_block(block.head, first, rows, block.in, panels, false, logits, kBlockLogits, thread);
    for (std::size_t p = 0; p < panels; ++p) {
      simd::PanelState state;
      state.clear();
      std::copy_n(references + p * kPanel, kPanel, state.reference);
      alignas(64) float rescale[kPanel], block_sum[kPanel];
      const bool moved = simd::kernel_denominator(logits + p * kBlockLogits, rows, state, rescale, block_sum);
      for (std::size_t lane = 0; lane < kPanel; ++lane) {
        double& sum = sums[p * kPanel + lane];
        sum = (moved ? sum * double{rescale[lane]} : sum) + double{block_sum[lane]};
      }
      std::copy_n(state.reference, kPanel, references + p * kPanel);
    }
    for (std::size_t i = 0; i < block.tokens; ++i) {
      const std::uint32_t target = block.targets[i];
      if (target >= first && target < first + rows)
        target_logits_[i] = logits[i / kPanel * kBlockLogits + (target - first) * kPanel + i % kPanel];
    }
  }
}

double HeadLosses::loss(std::size_t token, std::size_t panels, std::size_t segments) const noexcept {
  double highest = -static_cast<double>(simd::kInfinity), sum = 0.0;
  for (std::size_t s = 0; s < segments; ++s)
    highest = std::max(highest, double{references_[s * panels * kPanel + token]});
  for (std::size_t s = 0; s < segments; ++s) {
    const std::size_t at = s * panels * kPanel + token;
    // NaN logits have no reference, but their sum must be seen.
    sum += sums_[at] == 0.0 ? 0.0 : std::exp(double{references_[at]} - highest) * sums_[at];
  }
  return highest + std::log(sum) - double{target_logits_[token]};
}

}  // namespace heed
