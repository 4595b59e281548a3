#include "attention/scores.hpp"

#include <algorithm>

#include "simd/pack.hpp"
#include "simd/score_tile.hpp"
#include "simd/softmax_pass.hpp"

namespace heed {

ScoreMatrix::ScoreMatrix(const AttentionProblem& problem, std::size_t batch, std::size_t head, Look look,
                         TaskPool& pool)
    : problem_(problem), batch_(batch), head_(head), look_(look), pool_(pool), status_(validate(problem)) {
  if (!status_.ok()) return;
  if (batch >= problem.shape.batch || head >= problem.shape.heads) {
    status_ = Status::fail(ErrorCode::kInvalidArgument, "batch and head must name an entry of the tensors");
    return;
  }
  const std::size_t d = problem.shape.head_dim;
  scratch_size_ = simd::kKeyBlock * (simd::packed_stride(d) + simd::kPanel) + round_up(simd::kPanel * d, 16);
  const CheckedSize total = checked_product({scratch_size_, pool.threads()});
  if (!total.fits || !scratch_.resize(total.value))
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the threads");
}

void ScoreMatrix::run(Range units) {
  pool_.run(units, [this](std::size_t unit, std::size_t thread) {
    run_unit(unit, scratch_.data() + thread * scratch_size_);
  });
}

void ScoreMatrix::run_unit(std::size_t unit, float* scratch) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t d = shape.head_dim;
  const MatrixView<const float> keys = problem_.key_rows(batch_, head_ / shape.group());
  float* const packed = scratch;
  float* const scores = packed + simd::kKeyBlock * simd::packed_stride(d);
  float* const panel = scores + simd::kKeyBlock * simd::kPanel;
  const std::size_t end = std::min((unit + 1) * kUnitQueries, shape.queries);
  for (std::size_t first = unit * kUnitQueries; first < end; first += simd::kPanel) {
    simd::kernel_pack_panel(problem_.query_rows(batch_, head_), first, problem_.scale, panel);
    for (std::size_t j = 0; j < shape.keys; j += simd::kKeyBlock) {
      const Range block{j, std::min(j + simd::kKeyBlock, shape.keys)};
      simd::kernel_pack_rows(keys, block, d, packed);
      simd::scores(panel, packed, block.size(), d, scores);
      write_scores(first, scores, block);
    }
    if (look_ == Look::kScores) continue;
    for (std::size_t i = first; i < std::min(first + simd::kPanel, end); ++i) normalize_row(i);
  }
}

void ScoreMatrix::write_scores(std::size_t first, const float* scores, Range keys) noexcept {
  const AttentionShape& shape = problem_.shape;
  for (std::size_t i = first; i < std::min(first + simd::kPanel, shape.queries); ++i) {
    float* row = problem_.out + i * shape.keys;
    const std::size_t visible = shape.visible(i);
    for (std::size_t j = keys.begin; j < keys.end; ++j)
      row[j] = j < visible ? scores[(j - keys.begin) * simd::kPanel + (i - first)] : -simd::kInfinity;
  }
}

void ScoreMatrix::normalize_row(std::size_t i) noexcept {
  const std::size_t visible = problem_.shape.visible(i);
  float* row = problem_.out + i * problem_.shape.keys;
  float highest = -simd::kInfinity;
  for (std::size_t j = 0; j < visible; ++j) highest = row[j] > highest ? row[j] : highest;
  simd::exp_row(row, visible, highest == -simd::kInfinity ? 0.0f : highest);
  double sum = 0.0;
  for (std::size_t j = 0; j < visible; ++j) sum += double{row[j]};
  const auto factor = static_cast<float>(sum == 0.0 ? 0.0 : 1.0 / sum);
  for (std::size_t j = 0; j < visible; ++j) row[j] *= factor;
  std::fill(row + visible, row + problem_.shape.keys, 0.0f);
}

}  // namespace heed
