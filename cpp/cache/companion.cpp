#include "cache/companion.hpp"

#include <new>

namespace heed {

bool Companion::prepare() noexcept {
  if (layers_ != nullptr) return true;
  layers_.reset(new (std::nothrow) Layer[count_]);
  if (layers_ == nullptr) return false;
  for (std::size_t i = 0; i < count_; ++i) layers_[i].table = PageTable(heads_ * head_bytes_);
  return true;
}

bool Companion::open(std::size_t layer, std::size_t end) noexcept {
  if (!prepare()) return false;
  Layer& at = layers_[layer];
  const std::size_t first = at.length / kShadowTokens, before = at.table.size();
  if (!at.table.grow((end + kShadowTokens - 1) / kShadowTokens)) return false;
  if (first < before && !at.table.own(first)) {
    at.table.shrink(before);
    return false;
  }
  return true;
}

bool Companion::own(std::size_t layer) noexcept {
  for (std::size_t i = 0; layers_ != nullptr && i < layers_[layer].table.size(); ++i)
    if (!layers_[layer].table.own(i)) return false;
  return true;
}

void Companion::rewind(std::size_t layer, std::size_t length) noexcept {
  if (layers_ == nullptr || length >= layers_[layer].length) return;
  Layer& at = layers_[layer];
  at.length = length / step_ * step_;
  at.table.shrink((at.length + kShadowTokens - 1) / kShadowTokens);
}

bool Companion::share(const Companion& other) noexcept {
  if (other.layers_ == nullptr) return true;
  if (!prepare()) return false;
  for (std::size_t i = 0; i < count_; ++i) {
    if (!layers_[i].table.share(other.layers_[i].table, other.layers_[i].table.size())) return false;
    layers_[i].length = other.layers_[i].length;
  }
  return true;
}

std::size_t Companion::bytes() const noexcept {
  std::size_t total = 0;
  for (std::size_t i = 0; layers_ != nullptr && i < count_; ++i) total += layers_[i].table.bytes();
  return total;
}

}  // namespace heed
