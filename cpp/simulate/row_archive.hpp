// Sorted rows that are kept, for questions about all of them at once: which threshold, or which dropped mass, spends a
// given number of entries. 24 bytes an entry.
#pragma once

#include "simulate/row_study.hpp"

namespace heed {

class RowArchive final : public RowVisitor {
 public:
  /// Room for the rows of `source`. False when there is no memory.
  [[nodiscard]] bool reserve(const SourceOptions& source);
  void visit(std::size_t row, const float* scores, const SortedRow& sorted, std::size_t thread) noexcept override;

  std::size_t rows() const noexcept { return starts_.size() - 1; }
  /// After it was visited.
  SortedRow row(std::size_t row) const noexcept { return SortedRow::built(place(row), sizes_[row]); }

 private:
  RowScratch place(std::size_t row) const noexcept;

  std::vector<std::size_t> starts_;  // of each row, with one number to spare per row
  std::vector<std::size_t> sizes_;
  mutable Buffer<float> floats_;
  mutable Buffer<double> doubles_;
};

}  // namespace heed
