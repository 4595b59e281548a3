// How a page of a cache lies in memory: kPageTokens tokens of one layer, head by head, so that the keys a query reads
// are one stream.
//
//   page     flags [kPageTokens] bytes, then per key/value head:
//   head     keys [kPageTokens][row_columns(d)]    values [kPageTokens][row_columns(d_v)]
//            for bytes also scales of the keys [kPageTokens] and of the values [kPageTokens], float
//
// Flag t is not 0 where token t has a number that is not finite in the cache's type.
#pragma once

#include "base/checked_math.hpp"
#include "base/buffer.hpp"
#include "simd/cached_rows.hpp"

namespace heed {

/// Measured: 128 to 1024 are within 2 %; a page is also the least that a fork copies and a short cache holds.
inline constexpr std::size_t kPageTokens = 256;

struct CacheShape {
  std::size_t layers = 1;
  std::size_t kv_heads = 1;
  std::size_t head_dim = 0;
  std::size_t value_dim = 0;
  std::size_t capacity = 0;  // most tokens of a layer
  simd::RowType type = simd::RowType::kFloat;
};

class PageLayout {
 public:
  explicit PageLayout(const CacheShape& shape) noexcept
      : type_(shape.type),
        heads_(shape.kv_heads),
        key_bytes_(simd::row_columns(shape.head_dim) * simd::number_bytes(type_)),
        value_bytes_(simd::row_columns(shape.value_dim) * simd::number_bytes(type_)),
        keys_(round_up(kPageTokens * key_bytes_, kAlignment)),
        values_(round_up(kPageTokens * value_bytes_, kAlignment)),
        scales_(type_ == simd::RowType::kByte ? kPageTokens * sizeof(float) : 0),
        head_(keys_ + values_ + 2 * scales_) {}

  std::size_t key_bytes() const noexcept { return key_bytes_; }
  std::size_t value_bytes() const noexcept { return value_bytes_; }
  std::size_t page_bytes() const noexcept { return kPageTokens + heads_ * head_; }

  /// Offsets into a page.
  std::size_t flag(std::size_t token) const noexcept { return token; }
  std::size_t key(std::size_t head, std::size_t token) const noexcept { return at(head) + token * key_bytes_; }
  std::size_t value(std::size_t head, std::size_t token) const noexcept {
    return at(head) + keys_ + token * value_bytes_;
  }
  std::size_t key_scale(std::size_t head, std::size_t token) const noexcept {
    return at(head) + keys_ + values_ + token * sizeof(float);
  }
  std::size_t value_scale(std::size_t head, std::size_t token) const noexcept {
    return key_scale(head, token) + scales_;
  }

  /// Rows of one head of a page, from a token on.
  simd::CachedRows keys(const std::byte* page, std::size_t head, std::size_t token = 0) const noexcept {
    return {page + key(head, token), scales(page + key_scale(head, token))};
  }
  simd::CachedRows values(const std::byte* page, std::size_t head, std::size_t token = 0) const noexcept {
    return {page + value(head, token), scales(page + value_scale(head, token))};
  }

 private:
  std::size_t at(std::size_t head) const noexcept { return kPageTokens + head * head_; }
  const float* scales(const std::byte* from) const noexcept {
    return scales_ == 0 ? nullptr : reinterpret_cast<const float*>(from);
  }

  simd::RowType type_;
  std::size_t heads_, key_bytes_, value_bytes_, keys_, values_, scales_, head_;
};

}  // namespace heed
