// One thread's working memory for a top-k scan, cut from one allocation.
#pragma once

#include "attention/row_blocks.hpp"
#include "simd/block.hpp"
#include "simd/candidate_filter.hpp"
#include "simd/softmax_pass.hpp"

namespace heed {

/// What the scan knows of the rows of one panel.
struct PanelScan {
  simd::PanelState state;  // the reference; the sum is kept in `all`, in double
  alignas(64) float threshold[simd::kPanel];
  double all[simd::kPanel];
  std::uint32_t count[simd::kPanel];      // candidates
  std::uint32_t first_run[simd::kPanel];  // of them, in the first ascending run
  std::uint32_t wanted[simd::kPanel];     // entries to keep
  std::uint32_t moves;                    // of the reference
  PanelVisibility sees;
};

/// Hands out aligned pieces of a block of memory; with no block it only counts.
class Pieces {
 public:
  explicit Pieces(std::byte* block) noexcept : block_(block) {}

  template <class T>
  T* take(std::size_t count) noexcept {
    T* piece = block_ == nullptr ? nullptr : reinterpret_cast<T*>(block_ + used_);
    used_ += round_up(count * sizeof(T), kAlignment);
    return piece;
  }

  std::size_t used() const noexcept { return used_; }

 private:
  static constexpr std::size_t kAlignment = 64;
  std::byte* block_;
  std::size_t used_ = 0;
};

}  // namespace heed
