// A retriever finds the keys that a row keeps without forming every score.
//
// It is an index over the keys of a problem, built once (in units, by any threads), and then asked for blocks of rows.
// What it answers are scores of the documented chain (simd/score_tile.hpp) and key numbers, ascending, so the
// estimators of sparse/ work on them as on the results of a scan. A retriever with kExact returns the very set that a
// full sort would (topk/order.hpp); one without returns what it found, and never more than was asked for.
//
// A row takes keys below its own end only, whatever else the index holds; the index may know of keys that the row does
// not see, but no number that a row returns depends on them.
#pragma once

#include <concepts>

#include "attention/problem.hpp"

namespace heed {

/// Rows that are retrieved together: of one head, one batch entry.
inline constexpr std::size_t kRowsTogether = 64;

/// Queries [first, last) of one head.
struct QueryRows {
  std::size_t batch, head, kv_head, first, last;
  const float* scaled;  // (last - first, head_dim): scale * q, every product rounded to float
  /// A retriever that can certify a dropped mass of at most this may stop there; 0 to go on to the exact set.
  double enough = 0.0;
  /// Of the tables of hashes (hashes.hpp) only the first so many are asked; 0 for all.
  std::size_t tables = 0;
};

/// One row: what is asked for, and what was found.
struct RetrievedRow {
  std::uint32_t* indices;  // found, ascending; room for `wanted`, in whole vectors
  float* scores;           // their scores; likewise
  std::size_t wanted = 0;  // at most what the row sees
  std::size_t count = 0;   // found: `wanted` of them when the retriever is exact
  /// At least the sum of e^(s_j - best) over the visible keys that were not found, best the highest score found. NaN
  /// when a score that was formed is NaN: the row is spoiled.
  double rest = 0.0;
  std::size_t scored = 0;  // exact scores that were formed for it
};

template <class R>
concept Retriever = requires(R& index, const R& built, const AttentionProblem& problem, std::size_t number,
                             const QueryRows& rows, RetrievedRow* found, std::byte* scratch) {
  { R::kExact } -> std::convertible_to<bool>;
  // Takes the memory; false when there is none. Then build_units() units, each once.
  { index.prepare(problem) } -> std::same_as<bool>;
  { built.build_units() } -> std::same_as<std::size_t>;
  { index.build(problem, number) } noexcept -> std::same_as<void>;
  // `scratch` has scratch_bytes() for rows that keep up to so many keys.
  { built.scratch_bytes(problem, number) } noexcept -> std::same_as<std::size_t>;
  { built.retrieve(problem, rows, number, found, scratch) } noexcept -> std::same_as<void>;
};

}  // namespace heed
