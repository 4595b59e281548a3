// What attention looks like where only some tokens are kept, as intervals: three numbers each, (value, least, most).
//
//   lse        ln Z                          effective  entries with p > epsilon
//   dropped    mass that was not kept        seen       entries with p > 2^-25 (weighed_row.hpp)
//   entropy    -sum p ln p                   k          fewest entries that leave out at most `mass`
//
// With H the kept tokens, T the others, Z = Z_H + Z_T. What is known of T depends on the search:
//
//   scores   every one: the three numbers are the same.
//   bands    every one to within a band b (int8): a score moves by at most b, so Z_T by e^b, odds of masses by e^(2 b),
//            and the entropy by e^(2 b), because |dH / ds_j| = p_j |ln p_j + H| sums to at most 2 H.
//   bounds   Z_T is at least what was scored, at most the bounds of the search, and no score exceeds a highest one.
//   With
//            pi = Z_T / Z, H = h(pi) + (1 - pi) H(H) + pi H(T), concave in pi, with
//            max(0, ln Z_T - highest) <= H(T) <= ln |T|. Of T, fewer than Z_T / (epsilon Z) have p > epsilon.
//   sample   uniform, with replacement (retrieve/sampled_tail.hpp): Z_T = |T| mean(w) e^(+- t cv); the mean of s in T
//   under
//            w to within t standard errors, and with both the entropy; shares of T by Wilson's interval; t = 2.64, the
//            two-sided 99 % of Student's distribution with 95 degrees. What the bounds exclude is cut off. The
//            intervals hold for means that are nearly normal; a rare large weight that the sample missed is in none of
//            them.
//
// All DERIVED. Bounds allow for kRounding in a sum of floats, and for the roundings of scores.
#pragma once

#include "base/buffer.hpp"
#include "cache/weighed_row.hpp"
#include "retrieve/sampled_tail.hpp"

namespace heed {

struct KeptMonitorOptions {
  double epsilon = 0.01;
  double mass = 0.05;
  double* out = nullptr;  // (queries, heads, kKeptMonitored); null when nothing is monitored
};

/// Numbers a row: three for each of `rawKeptMonitored` in web/src/runtime/raw.ts, in its order.
inline constexpr std::size_t kKeptMonitored = 18;

/// A row whose scores were all formed, to within `band`; exact ones of the kept tokens, ascending.
struct ScoredRow {
  const float* scores;
  std::size_t visible;
  const float* kept;
  const std::uint32_t* indices;
  std::size_t count;
  double band;  // 0: exactly
};

/// A row of which some scores were skipped. Sums are relative to the best kept score.
struct SkippedRow {
  const float* kept;
  std::size_t count, visible;
  double known;        // at least the sum over T, up to rounding
  double most;         // at most
  double highest;      // no score of T exceeds it
  double score_error;  // of every score
  const TailSampleScratch* sample = nullptr;
  std::size_t sampled = 0;  // 0: there is no sample
};

class KeptMonitor {
 public:
  explicit KeptMonitor(const KeptMonitorOptions& options) noexcept : options_(options) {}

  bool wanted() const noexcept { return options_.out != nullptr; }
  /// Room for rows of so many tokens. False when there is none.
  [[nodiscard]] bool prepare(std::size_t tokens, std::size_t threads) noexcept;

  /// `place`: among (queries, heads). Zeros for a row that sees nothing, NaN for a spoiled one.
  void scored(const ScoredRow& row, std::size_t place, std::size_t thread) noexcept;
  void skipped(const SkippedRow& row, std::size_t place, std::size_t thread) noexcept;
  void spoiled(std::size_t place) noexcept;

 private:
  double* numbers(std::size_t place) noexcept { return options_.out + place * kKeptMonitored; }

  KeptMonitorOptions options_;
  std::size_t tokens_ = 0, chunks_ = 0;
  Buffer<float> weights_;  // (threads, tokens)
  Buffer<float> references_;
  Buffer<simd::WeighedMoments> moments_;  // (threads, chunks)
};

}  // namespace heed
