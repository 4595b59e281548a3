// Pages of equal size that several tables may share: a growing array that never moves what it holds.
//
// A page is shared until somebody writes to it: own() gives the table a copy of its own. Pages carry the number of
// their owners, which only the thread that plans calls may change; the pool's threads read and write contents.
#pragma once

#include <cstddef>

#include "base/buffer.hpp"

namespace heed {

class PageTable {
 public:
  explicit PageTable(std::size_t page_bytes = 0) noexcept : page_bytes_(page_bytes) {}
  PageTable(PageTable&& other) noexcept;
  PageTable& operator=(PageTable&& other) noexcept;
  ~PageTable() { shrink(0); }

  std::size_t size() const noexcept { return size_; }
  std::size_t page_bytes() const noexcept { return page_bytes_; }
  std::size_t bytes() const noexcept { return size_ * page_bytes_; }
  const std::byte* page(std::size_t i) const noexcept { return pages_[i] + kHeader; }
  /// Pages from own() on only.
  std::byte* page(std::size_t i) noexcept { return pages_[i] + kHeader; }

  /// `count` pages, the new ones with any contents. False, and nothing changed, when there is no memory.
  [[nodiscard]] bool grow(std::size_t count) noexcept;
  void shrink(std::size_t count) noexcept;
  /// From here on page i belongs to this table alone. False when there is no memory for the copy.
  [[nodiscard]] bool own(std::size_t i) noexcept;
  /// Makes this table, which must be empty, another name for the first `count` pages of `other`.
  [[nodiscard]] bool share(const PageTable& other, std::size_t count) noexcept;

 private:
  static constexpr std::size_t kHeader = kAlignment;
  static std::size_t& owners(std::byte* page) noexcept { return *reinterpret_cast<std::size_t*>(page); }
  std::byte* create() const noexcept;
  [[nodiscard]] bool reserve(std::size_t count) noexcept;

  std::size_t page_bytes_;
  std::size_t size_ = 0;
  Buffer<std::byte*> pages_;
};

}  // namespace heed
