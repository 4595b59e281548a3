// Cuts one block of memory into aligned pieces; run first without a block, it only counts, so that the same code says
// how much memory is needed and where everything lies.
#pragma once

#include <cstddef>

#include "base/checked_math.hpp"

namespace heed {

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
