// The scores of a block of new queries with the keys of a cache: products (simd/row_scores.hpp), softcap, mask,
// visibility. Exact decoding, top-k decoding and its re-scoring all get their scores here, so they cannot disagree.
//
// Rows of a key head are all query heads that share it, query by query: row r is query first + r / group, query head
// g * group + r % group. They are scored together, so that a key is read once for all of them.
#pragma once

#include "base/buffer.hpp"
#include "cache/decode_problem.hpp"
#include "simd/row_scores.hpp"

namespace heed {

/// Tokens that are scored at a time for one key head, and the unit of work: a page. It depends on nothing, so that
/// results do not depend on threads.
inline constexpr std::size_t kDecodeChunk = kPageTokens;
/// Queries of a block.
inline constexpr std::size_t kDecodeQueries = 8;

/// Norms of a scaled query, and of what rounding it to whole numbers takes away.
struct QueryNorms {
  double exact, rounded_away;
};

class DecodeScores {
 public:
  DecodeScores(const KvCache& cache, const DecodeProblem& problem) noexcept;

  /// Room for a block; `shadowed` also for the queries as whole numbers that shadow keys are scored with. False when
  /// there is none.
  [[nodiscard]] bool prepare(bool shadowed = false) noexcept;
  /// Scales and packs queries [first, last), at most kDecodeQueries.
  void start(Range queries) noexcept;

  const AttentionShape& shape() const noexcept { return shape_; }
  /// Rows of each key head in the block.
  std::size_t rows() const noexcept { return queries_.size() * shape_.group(); }
  std::size_t most_rows() const noexcept { return std::min(kDecodeQueries, shape_.queries) * shape_.group(); }
  std::size_t query_of(std::size_t row) const noexcept { return queries_.begin + row / shape_.group(); }
  std::size_t head_of(std::size_t g, std::size_t row) const noexcept {
    return g * shape_.group() + row % shape_.group();
  }
  /// Some row of the block sees some of these keys.
  bool any_see(Range keys) const noexcept;

  /// scores[r * stride + j - keys.begin] for all rows of key head g and the keys of one page; -infinity for what a row
  /// does not see. `products`, or null, gets what they were before the rules, likewise.
  void form(std::size_t g, Range keys, float* scores, std::size_t stride, float* products = nullptr) const noexcept;

  /// The same bits for one row alone; `scores` has room for whole vectors. Without rules: softcap, masks, windows.
  void form_row(std::size_t g, std::size_t row, Range keys, float* scores) const noexcept;

  /// The same bits for one row and listed keys, in any order; -infinity likewise.
  void form_listed(std::size_t g, std::size_t row, const std::uint32_t* list, std::size_t count,
                   float* scores) const noexcept;

  /// Whether only causality decides who sees whom, and a score is the product alone.
  bool plain() const noexcept {
    return problem_.softcap == 0.0 && problem_.mask.empty() && shape_.window == 0 && shape_.sinks == 0;
  }

  /// The block's scaled queries of a key head, as the kernels read them.
  simd::RowQueries packed(std::size_t g) const noexcept;
  /// What the floats of a row of packed() are multiplied by.
  double root(std::size_t g, std::size_t row) const noexcept;
  QueryNorms norms(std::size_t g, std::size_t row) const noexcept;

  /// Whether the mask lets a row see a key. A bias of -infinity hides it.
  bool allowed(std::size_t g, std::size_t row, std::size_t key) const noexcept {
    const Mask& mask = problem_.mask;
    return mask.empty() || (mask.allowed != nullptr ? mask.allowed[mask_row(g, row) + key] != 0
                                                    : mask.bias[mask_row(g, row) + key] != -simd::kInfinity);
  }
  /// What is added to the row's scores, or null.
  const float* bias_of(std::size_t g, std::size_t row) const noexcept {
    return problem_.mask.bias == nullptr ? nullptr : problem_.mask.bias + mask_row(g, row);
  }

 private:
  /// Where the mask of a row begins.
  std::size_t mask_row(std::size_t g, std::size_t row) const noexcept {
    const std::size_t plane = problem_.mask.per_head ? head_of(g, row) * shape_.queries : 0;
    return (plane + query_of(row)) * shape_.keys;
  }
  void apply_rules(std::size_t g, std::size_t row, Range keys, float* scores) const noexcept;
  void apply_rules(std::size_t g, std::size_t row, const std::uint32_t* list, std::size_t count,
                   float* scores) const noexcept;

  const KvCache& cache_;
  const DecodeProblem& problem_;
  AttentionShape shape_;
  Range queries_;
  std::size_t columns_;
  std::int32_t largest_whole_ = 0;  // of the queries as whole numbers; 0 where there are none
  Buffer<float> packed_;
  Buffer<std::int16_t> whole_;
  Buffer<float> scales_, rests_;
};

}  // namespace heed
