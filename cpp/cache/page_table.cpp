#include "cache/page_table.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace heed {

PageTable::PageTable(PageTable&& other) noexcept
    : page_bytes_(other.page_bytes_), size_(std::exchange(other.size_, 0)), pages_(std::move(other.pages_)) {}

PageTable& PageTable::operator=(PageTable&& other) noexcept {
  std::swap(page_bytes_, other.page_bytes_);
  std::swap(size_, other.size_);
  std::swap(pages_, other.pages_);
  return *this;
}

std::byte* PageTable::create() const noexcept {
  if (page_bytes_ > SIZE_MAX - kHeader) return nullptr;
  auto* const page = static_cast<std::byte*>(allocate(kHeader + page_bytes_));
  if (page != nullptr) owners(page) = 1;
  return page;
}

bool PageTable::reserve(std::size_t count) noexcept {
  if (count <= pages_.size()) return true;
  Buffer<std::byte*> larger;
  if (!larger.resize(std::max(count, 2 * pages_.size()))) return false;
  std::copy_n(pages_.data(), size_, larger.data());
  pages_ = std::move(larger);
  return true;
}

bool PageTable::grow(std::size_t count) noexcept {
  const std::size_t before = size_;
  if (!reserve(count)) return false;
  while (size_ < count) {
    std::byte* const page = create();
    if (page == nullptr) {
      shrink(before);
      return false;
    }
    pages_[size_++] = page;
  }
  return true;
}

void PageTable::shrink(std::size_t count) noexcept {
  while (size_ > count) {
    std::byte* const page = pages_[--size_];
    if (--owners(page) == 0) release(page);
  }
}

bool PageTable::own(std::size_t i) noexcept {
  std::byte* const shared = pages_[i];
  if (owners(shared) == 1) return true;
  std::byte* const copy = create();
  if (copy == nullptr) return false;
  std::memcpy(copy + kHeader, shared + kHeader, page_bytes_);
  --owners(shared);
  pages_[i] = copy;
  return true;
}

bool PageTable::share(const PageTable& other, std::size_t count) noexcept {
  if (!reserve(count)) return false;
  for (; size_ < count; ++size_) {
    pages_[size_] = other.pages_[size_];
    ++owners(pages_[size_]);
  }
  return true;
}

}  // namespace heed
