#include "simulate/row_archive.hpp"

namespace heed {

bool RowArchive::reserve(const SourceOptions& source) {
  starts_.assign(1, 0);
  for (std::size_t row = 0; row < source.sampled(); ++row) {
    const std::size_t visible = source.causal ? RowSource::token(source, row) + 1 : source.n;
    starts_.push_back(starts_.back() + visible + 1);
  }
  sizes_.assign(source.sampled(), 0);
  const CheckedSize twice = checked_product({starts_.back(), 2});
  return twice.fits && floats_.resize(twice.value) && doubles_.resize(twice.value);
}

RowScratch RowArchive::place(std::size_t row) const noexcept {
  const std::size_t all = starts_.back(), start = starts_[row];
  return {floats_.data() + start, floats_.data() + all + start, doubles_.data() + start, doubles_.data() + all + start};
}

void RowArchive::visit(std::size_t row, const float*, const SortedRow& sorted, std::size_t) noexcept {
  sizes_[row] = sorted.size();
  sorted.copy_to(place(row));
}

}  // namespace heed
