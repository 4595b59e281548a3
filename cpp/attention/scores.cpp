#include "attention/scores.hpp"

#include <algorithm>

#include "simd/pack.hpp"
#include "simd/softmax_pass.hpp"

namespace heed {

ScoreMatrix::ScoreMatrix(const AttentionProblem& problem, std::size_t batch, std::size_t head, Look look,
                         TaskPool& pool)
    : problem_(problem),
      batch_(batch),
      head_(head),
      look_(look),
      pool_(pool),
      status_(validate(problem)),
      former_(problem_) {
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
  pool_.run(units,
            [this](std::size_t unit, std::size_t thread) { run_unit(unit, scratch_.data() + thread * scratch_size_); });
}

void ScoreMatrix::run_unit(std::size_t unit, float* scratch) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t d = shape.head_dim;
  const MatrixView<const float> keys = problem_.key_rows(batch_, head_ / shape.group());
  float* const packed = scratch;
  float* const scores = packed + simd::kKeyBlock * simd::packed_stride(d);
  float* const queries = scores + simd::kKeyBlock * simd::kPanel;
  const std::size_t end = std::min((unit + 1) * kUnitQueries, shape.queries);
  for (std::size_t first = unit * kUnitQueries; first < end; first += simd::kPanel) {
    const PanelVisibility sees = PanelVisibility::of(shape, first, end);
    const PanelRows rows{batch_, head_, first, std::min(first + simd::kPanel, end), queries, &sees};
    simd::kernel_pack_panel(problem_.query_rows(batch_, head_), first, static_cast<float>(problem_.scale), queries);
    for (std::size_t j = 0; j < shape.keys; j += simd::kKeyBlock) {
      const Range block{j, std::min(j + simd::kKeyBlock, shape.keys)};
      simd::kernel_pack_rows(keys, block, d, packed);
      former_.form(rows, block, packed, scores);
      write_scores(rows, scores, block);
    }
    if (look_ == Look::kScores) continue;
    for (std::size_t i = first; i < rows.last; ++i) normalize_row(i);
  }
}

void ScoreMatrix::write_scores(const PanelRows& rows, const float* scores, Range keys) noexcept {
  for (std::size_t i = rows.first; i < rows.last; ++i) {
    float* row = problem_.out + i * problem_.shape.keys;
    for (std::size_t j = keys.begin; j < keys.end; ++j)
      row[j] = scores[(j - keys.begin) * simd::kPanel + (i - rows.first)];
  }
}

// A row of scores to probabilities; hidden keys have -infinity, and so 0.
void ScoreMatrix::normalize_row(std::size_t i) noexcept {
  const std::size_t n = problem_.shape.keys;
  float* row = problem_.out + i * n;
  float highest = -simd::kInfinity;
  for (std::size_t j = 0; j < n; ++j) highest = row[j] > highest ? row[j] : highest;
  simd::exp_row(row, n, highest == -simd::kInfinity ? 0.0f : highest);
  double sum = 0.0;
  for (std::size_t j = 0; j < n; ++j) sum += double{row[j]};
  const auto factor = static_cast<float>(sum == 0.0 ? 0.0 : 1.0 / sum);
  for (std::size_t j = 0; j < n; ++j) row[j] *= factor;
}

}  // namespace heed
