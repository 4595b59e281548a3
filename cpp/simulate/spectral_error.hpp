// (1 / n) ||P_k - P||_2, the spectral norm over all n rows, for many k at once and without the n x n matrix.
//
// Power iteration on E^T E, E = P_k - P: rows are made again in every step and used twice while they are there,
// u_i = <E_i, v>, next += u_i E_i. A rule has its own v; all of them share the scores and the exponentials.
//
// The estimate rises to the norm from below. Without any gap between singular values t steps leave, in the mean over
// starts, at most a share 0.871 ln(n) / (t - 1) of the norm's square (Kuczynski and Wozniakowski 1992): 8 % of the norm
// at n = 1024, usually less than 1. Cost: kSteps n^2 (2 d + 4 rules) flops. Numerics: double, exponentials in float.
// Blocks of kRows rows add to vectors of their own, which are summed in order: (n / kRows) rules n numbers.
#pragma once

#include "simulate/row_study.hpp"

namespace heed {

class SpectralError {
 public:
  static constexpr std::size_t kSteps = 40;

  /// `source.rows` is not looked at: all n rows are used. False when there is no memory.
  [[nodiscard]] bool reserve(SourceOptions source, const std::vector<KeepRule>& keep, TaskPool& pool);

  std::size_t units() const noexcept { return kSteps * step_units(); }
  /// In order.
  void run(Range units);
  /// Of the rule with that number, after the last unit.
  double norm(std::size_t rule) const noexcept { return norms_[rule] / static_cast<double>(source_options_.n); }

 private:
  static constexpr std::size_t kRows = RowSource::kBlockRows;
  // One rule's set in one row: scores above the cut, and those equal to it up to key `last`; and what the entries are
  // divided by.
  struct Cut {
    float score, highest;
    std::uint32_t last;
    double all, kept;
  };

  std::size_t step_units() const noexcept;
  std::size_t run_some(std::size_t unit, std::size_t end);
  void apply(std::size_t block, bool first, std::size_t thread) noexcept;
  void join() noexcept;

  SourceOptions source_options_;
  std::vector<KeepRule> keep_;
  TaskPool* pool_ = nullptr;
  RowSource source_;
  Buffer<double> vectors_;   // (rules, n)
  Buffer<double> partials_;  // (blocks, rules, n)
  Buffer<Cut> cuts_;         // (n, rules)
  Buffer<std::byte> row_memory_;
  std::size_t row_bytes_ = 0;
  std::vector<double> norms_;
};

}  // namespace heed
