// What keeping k entries does to the output: ||P_k V - P V||_F / ||P V||_F over the sampled rows, for many k at once.
//
//   values     v_j = W_V^T x_j, W_V with independent N(0, 1/d) entries; where there are no tokens v_j ~ N(0, I_d)
//   P_k        the k largest probabilities of each row, renormalized
//
// A key counts for every k whose set it is in: keys are summed up by the smallest such k, and the sums added up.
// Cost: d multiply-adds per score, plain loops. Numerics: double. Values are kept, n d floats.
#pragma once

#include "simulate/projection.hpp"
#include "simulate/row_study.hpp"

namespace heed {

class OutputError final : public RowVisitor {
 public:
  /// False when there is no memory.
  [[nodiscard]] bool reserve(const SourceOptions& source, const std::vector<KeepRule>& keep, std::size_t threads);

  std::size_t units() const noexcept { return RowSource::stretches(source_.n); }
  /// The values of one stretch; all of them before the first row.
  void fill(std::size_t unit, std::size_t thread) noexcept;
  void visit(std::size_t row, const float* scores, const SortedRow& sorted, std::size_t thread) noexcept override;

  /// Of the rule with that number, after the last row.
  double relative(std::size_t rule) const noexcept;

 private:
  // One rule's set in the row at hand: scores above the cut, and the first `ties` that equal it.
  struct Level {
    std::size_t rule, k, ties;
    float cut;

    bool takes(float score) noexcept {
      if (score > cut) return true;
      if (score < cut || ties == 0) return false;
      --ties;
      return true;
    }
  };

  SourceOptions source_;
  std::vector<KeepRule> keep_;
  TokenInput input_;
  ColumnPanels weights_;
  std::size_t scratch_size_ = 0, sums_size_ = 0;
  Buffer<float> values_;    // (n, d)
  Buffer<float> scratch_;   // per thread, of fill()
  Buffer<double> sums_;     // per thread, (levels, d) and a row
  Buffer<Level> levels_;    // per thread
  Buffer<double> squares_;  // (rows, rules + 1): squared errors, squared size of the output
};

}  // namespace heed
