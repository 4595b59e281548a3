#include "retrieve/pages.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/pieces.hpp"
#include "retrieve/page_visits.hpp"
#include "simd/score_tile.hpp"
#include "sparse/dropped_mass.hpp"

namespace heed {

static_assert(Retriever<Pages>);

bool Pages::prepare(const AttentionProblem& problem) noexcept {
  chunks_ = KeyChunks(problem.shape);
  kv_heads_ = problem.shape.kv_heads;
  dim_ = problem.shape.head_dim;
  pages_ = (problem.shape.keys + kPageKeys - 1) / kPageKeys;
  stride_ = simd::packed_stride(2 * dim_);
  // The tile reads whole tiles of rows.
  const CheckedSize size = checked_product({chunks_.heads, round_up(pages_, simd::kKeyTile), stride_});
  if (!size.fits || !boxes_.resize(size.value) || !norms_.resize(chunks_.heads * pages_)) return false;
  std::fill_n(boxes_.data(), boxes_.size(), 0.0f);
  return true;
}

void Pages::build(const AttentionProblem& problem, std::size_t unit) noexcept {
  const std::size_t head = chunks_.head(unit);
  const Range range = chunks_.range(unit);
  const MatrixView<const float> keys = problem.key_rows(head / kv_heads_, head % kv_heads_);
  for (std::size_t first = range.begin; first < range.end; first += kPageKeys) {
    const std::size_t page = first / kPageKeys, last = std::min(first + kPageKeys, range.end);
    float* largest = boxes_.data() + (head * round_up(pages_, simd::kKeyTile) + page) * stride_;
    float* least = largest + dim_;
    std::copy_n(keys.row(first), dim_, largest);
    std::copy_n(keys.row(first), dim_, least);
    // x - x is 0 for finite x and NaN otherwise.
    float finite = 0.0f;
    for (std::size_t j = first; j < last; ++j) {
      const float* key = keys.row(j);
      for (std::size_t c = 0; c < dim_; ++c) {
        finite += key[c] - key[c];
        largest[c] = key[c] > largest[c] ? key[c] : largest[c];
        least[c] = key[c] < least[c] ? key[c] : least[c];
      }
    }
    double squares = 0.0;
    for (std::size_t c = 0; c < dim_; ++c) {
      const double size = std::max(std::abs(double{largest[c]}), std::abs(double{least[c]}));
      squares += size * size;
    }
    norms_[head * pages_ + page] =
        finite == 0.0f ? static_cast<float>(std::sqrt(squares) * (1.0 + 1e-6)) : simd::kInfinity;
  }
}

std::size_t Pages::scratch_bytes(const AttentionProblem& problem, std::size_t most_kept) const noexcept {
  Pieces pieces(nullptr);
  pieces.take<float>(2 * dim_ * simd::kPanel);
  pieces.take<float>(round_up(pages_, simd::kKeyTile) * simd::kPanel);
  PageVisits::Scratch::cut(pieces, problem.shape.keys, pages_, most_kept);
  return pieces.used();
}

void Pages::retrieve(const AttentionProblem& problem, const QueryRows& rows, std::size_t most_kept, RetrievedRow* found,
                     std::byte* scratch) const noexcept {
  const AttentionShape& shape = problem.shape;
  Pieces pieces(scratch);
  float* panel = pieces.take<float>(2 * dim_ * simd::kPanel);
  float* bounds = pieces.take<float>(round_up(pages_, simd::kKeyTile) * simd::kPanel);
  const auto visits = PageVisits::Scratch::cut(pieces, shape.keys, pages_, most_kept);
  const MatrixView<const float> keys = problem.key_rows(rows.batch, rows.kv_head);
  const std::size_t head = rows.batch * kv_heads_ + rows.kv_head, count = rows.last - rows.first;
  const double du = static_cast<double>(2 * dim_ + 2) * 0x1p-24, gamma = du / (1.0 - du);

  for (std::size_t first = 0; first < count; first += simd::kPanel) {
    const std::size_t lanes = std::min(simd::kPanel, count - first);
    for (std::size_t c = 0; c < dim_; ++c)
      for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
        const float x = lane < lanes ? rows.scaled[(first + lane) * dim_ + c] : 0.0f;
        panel[c * simd::kPanel + lane] = x > 0.0f ? x : 0.0f;
        panel[(dim_ + c) * simd::kPanel + lane] = x > 0.0f ? 0.0f : x;
      }
    const std::size_t seen = shape.visible(rows.first + first + lanes - 1) / kPageKeys;
    simd::scores(panel, boxes_.data() + head * round_up(pages_, simd::kKeyTile) * stride_, seen, 2 * dim_, bounds);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::size_t i = first + lane, visible = shape.visible(rows.first + i);
      const float* query = rows.scaled + i * dim_;
      const double slack = 2.0 * gamma * row_norm(query, dim_);
      for (std::size_t page = 0; page < visible / kPageKeys; ++page) {
        const double bound =
            double{bounds[page * simd::kPanel + lane]} + slack * double{norms_[head * pages_ + page]} + 1e-35;
        const auto rounded = static_cast<float>(bound * (bound > 0.0 ? 1.0 + 1e-6 : 1.0 - 1e-6));
        visits.bounds[page] = rounded < simd::kInfinity ? rounded : simd::kInfinity;
      }
      PageVisits(keys, visible, query, rows.enough, visits).run(found[i]);
    }
  }
}

}  // namespace heed
