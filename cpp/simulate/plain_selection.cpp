#include "simulate/plain_selection.hpp"

#include <algorithm>

#include "simd/gather.hpp"
#include "simd/pack.hpp"
#include "simd/score_tile.hpp"
#include "simd/softmax_pass.hpp"
#include "topk/select.hpp"

namespace heed {
namespace {

void by_quickselect(const float* scores, std::size_t count, std::size_t k, Scored* order, std::uint32_t* kept) {
  for (std::size_t j = 0; j < count; ++j) order[j] = {scores[j], static_cast<std::uint32_t>(j)};
  if (k < count) std::nth_element(order, order + k, order + count, ranks_before);
  for (std::size_t i = 0; i < k; ++i) kept[i] = order[i].index;
  std::sort(kept, kept + k);
}

// The top of the heap is the worst of the k best so far.
void by_heap(const float* scores, std::size_t count, std::size_t k, Scored* heap, std::uint32_t* kept) {
  for (std::size_t j = 0; j < k; ++j) heap[j] = {scores[j], static_cast<std::uint32_t>(j)};
  std::make_heap(heap, heap + k, ranks_before);
  for (std::size_t j = k; j < count; ++j) {
    const Scored next{scores[j], static_cast<std::uint32_t>(j)};
    if (!ranks_before(next, heap[0])) continue;
    std::pop_heap(heap, heap + k, ranks_before);
    heap[k - 1] = next;
    std::push_heap(heap, heap + k, ranks_before);
  }
  for (std::size_t i = 0; i < k; ++i) kept[i] = heap[i].index;
  std::sort(kept, kept + k);
}

void by_radix(const float* scores, std::size_t count, std::size_t k, std::uint32_t* kept) {
  const Cut cut = kth_best(scores, count, k);
  std::size_t ties = cut.ties_kept, found = 0;
  for (std::size_t j = 0; j < count && found < k; ++j) {
    if (scores[j] < cut.score || (scores[j] == cut.score && ties == 0)) continue;
    if (scores[j] == cut.score) --ties;
    kept[found++] = static_cast<std::uint32_t>(j);
  }
}

}  // namespace

bool PlainSelection::prepare(const AttentionProblem& problem, std::size_t k, std::uint32_t* indices, TaskPool& pool) {
  problem_ = problem;
  pool_ = &pool;
  k_ = k;
  indices_ = indices;
  Pieces pieces(nullptr);
  cut(pieces);
  scratch_bytes_ = pieces.used();
  const CheckedSize bytes = checked_product({scratch_bytes_, pool.threads()});
  return bytes.fits && scratch_.resize(bytes.value);
}

PlainSelection::Scratch PlainSelection::cut(Pieces& pieces) const noexcept {
  const std::size_t d = problem_.shape.head_dim, keys = problem_.shape.keys;
  return {pieces.take<float>(simd::kPanel * d),
          pieces.take<float>(simd::kKeyBlock * simd::packed_stride(d)),
          pieces.take<float>(simd::kKeyBlock * simd::kPanel),
          pieces.take<float>(simd::kPanel * round_up(keys, 16)),
          pieces.take<float>(round_up(k_, 16)),
          pieces.take<Scored>(keys)};
}

void PlainSelection::run(Selecting how) {
  const std::size_t panels = (problem_.shape.queries + simd::kPanel - 1) / simd::kPanel;
  pool_->run({0, panels}, [this, how](std::size_t panel, std::size_t thread) {
    run_panel(panel, how, scratch_.data() + thread * scratch_bytes_);
  });
}

void PlainSelection::run_panel(std::size_t panel, Selecting how, std::byte* scratch) noexcept {
  Pieces pieces(scratch);
  const Scratch s = cut(pieces);
  const AttentionShape& shape = problem_.shape;
  const std::size_t d = shape.head_dim, stride = round_up(shape.keys, 16);
  const std::size_t first = panel * simd::kPanel, lanes = std::min(simd::kPanel, shape.queries - first);
  const MatrixView<const float> keys = problem_.key_rows(0, 0);
  simd::kernel_pack_panel(problem_.query_rows(0, 0), first, static_cast<float>(problem_.scale), s.panel);
  for (std::size_t j = 0; j < shape.keys; j += simd::kKeyBlock) {
    const Range block{j, std::min(j + simd::kKeyBlock, shape.keys)};
    simd::kernel_pack_rows(keys, block, d, s.block);
    simd::scores(s.panel, s.block, block.size(), d, s.tile);
    for (std::size_t lane = 0; lane < lanes; ++lane)
      for (std::size_t i = 0; i < block.size(); ++i) s.scores[lane * stride + j + i] = s.tile[i * simd::kPanel + lane];
  }
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const std::size_t visible = shape.visible(first + lane), k = std::min(k_, visible);
    const float* scores = s.scores + lane * stride;
    std::uint32_t* kept = indices_ + (first + lane) * k_;
    select(how, scores, visible, k, s.order, kept);
    float best = -simd::kInfinity, sum = 0.0f;
    for (std::size_t i = 0; i < k; ++i) best = std::max(best, s.weights[i] = scores[kept[i]]);
    std::fill(s.weights + k, s.weights + round_up(k, 16), -simd::kInfinity);
    simd::kernel_exp_row(s.weights, k, best);
    for (std::size_t i = 0; i < k; ++i) sum += s.weights[i];
    for (std::size_t i = 0; i < k; ++i) s.weights[i] /= sum;
    simd::kernel_gather(problem_.value_rows(0, 0), kept, s.weights, k, problem_.out_rows(0, 0).row(first + lane));
  }
}

void PlainSelection::select(Selecting how, const float* scores, std::size_t visible, std::size_t k, Scored* order,
                            std::uint32_t* kept) const noexcept {
  if (how == Selecting::kQuickselect) return by_quickselect(scores, visible, k, order, kept);
  if (how == Selecting::kHeap) return by_heap(scores, visible, k, order, kept);
  by_radix(scores, visible, k, kept);
}

}  // namespace heed
