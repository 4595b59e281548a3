#include "cache/tail_state.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "cache/kv_cache.hpp"

namespace heed {

TailState::TailState(const CacheShape& shape) noexcept
    : count_(shape.layers),
      heads_(shape.kv_heads),
      dim_(shape.head_dim),
      value_dim_(shape.value_dim),
      head_numbers_(round_up(value_dim_ * (dim_ + 1) + dim_, kAlignment / sizeof(double))) {}

bool TailState::prepare() noexcept {
  if (layers_ != nullptr) return true;
  layers_.reset(new (std::nothrow) Layer[count_]);
  if (layers_ == nullptr) return false;
  for (std::size_t i = 0; i < count_; ++i) layers_[i].table = PageTable(heads_ * head_numbers_ * sizeof(double));
  return true;
}

bool TailState::move_to(const KvCache& cache, std::size_t layer, std::size_t length, TaskPool& pool) noexcept {
  Buffer<float> rows;
  const std::size_t row = round_up(dim_ + value_dim_, 16);
  if (!prepare() || !rows.resize(heads_ * row)) return false;
  rewind(layer, length);
  Layer& at = layers_[layer];
  while (at.length < length) {
    const std::size_t page = at.length / kTailStep, end = std::min(length, (page + 1) * kTailStep);
    if (page == at.table.size()) {
      if (!at.table.grow(page + 1)) return false;
      std::byte* const fresh = at.table.page(page);
      if (page == 0)
        std::memset(fresh, 0, at.table.page_bytes());
      else
        std::memcpy(fresh, at.table.page(page - 1), at.table.page_bytes());
    } else if (!at.table.own(page)) {
      return false;
    }
    pool.run({0, heads_}, [&](std::size_t g, std::size_t) {
      add(cache, layer, g, {at.length, end}, sums(at.table.page(page), g), rows.data() + g * row);
    });
    at.length = end;
  }
  return true;
}

void TailState::add(const KvCache& cache, std::size_t layer, std::size_t g, Range tokens, double* sums,
                    float* row) noexcept {
  float *const key = row, *const value = row + dim_;
  for (std::size_t t = tokens.begin; t < tokens.end; ++t) {
    cache.read(layer, g, t, key, value);
    for (std::size_t c = 0; c < value_dim_; ++c) sums[c] += double{value[c]};
    double* product = sums + value_dim_;
    for (std::size_t i = 0; i < dim_; ++i, product += value_dim_) {
      const double k = double{key[i]};
      sums[value_dim_ * (dim_ + 1) + i] += k;
      for (std::size_t c = 0; c < value_dim_; ++c) product[c] += k * double{value[c]};
    }
  }
}

void TailState::rewind(std::size_t layer, std::size_t length) noexcept {
  if (layers_ == nullptr || length >= layers_[layer].length) return;
  Layer& at = layers_[layer];
  at.table.shrink(length / kTailStep);
  at.length = at.table.size() * kTailStep;
}

bool TailState::share(const TailState& other) noexcept {
  if (other.layers_ == nullptr) return true;
  if (!prepare()) return false;
  for (std::size_t i = 0; i < count_; ++i) {
    if (!layers_[i].table.share(other.layers_[i].table, other.layers_[i].table.size())) return false;
    layers_[i].length = other.layers_[i].length;
  }
  return true;
}

std::size_t TailState::bytes() const noexcept {
  std::size_t total = 0;
  for (std::size_t i = 0; layers_ != nullptr && i < count_; ++i) total += layers_[i].table.bytes();
  return total;
}

const double* TailState::values(std::size_t layer, std::size_t g) const noexcept {
  const PageTable& table = layers_[layer].table;
  if (table.size() == 0) return nullptr;
  return reinterpret_cast<const double*>(table.page(table.size() - 1)) + g * head_numbers_;
}

const double* TailState::products(std::size_t layer, std::size_t g) const noexcept {
  const double* const from = values(layer, g);
  return from == nullptr ? nullptr : from + value_dim_;
}

const double* TailState::keys(std::size_t layer, std::size_t g) const noexcept {
  const double* const from = values(layer, g);
  return from == nullptr ? nullptr : from + value_dim_ * (dim_ + 1);
}

}  // namespace heed
