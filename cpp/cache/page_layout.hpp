// How a page of a cache lies in memory: kPageTokens tokens of one layer, head by head, so that the keys a query reads
// are one stream. A cache with a smaller capacity has one page of as many tokens.
//
//   page     flags [tokens] bytes, then per key/value head:
//   head     keys [tokens][row_columns(d)]    values [tokens][row_columns(d_v)]
//            norms [tokens], float: the largest of the page's keys so far, so that a rewind leaves what it should
//            for bytes also scales of the keys and of the values [tokens], float
//
// Flag t is not 0 where token t has a number that is not finite in the cache's type.
#pragma once

#include "base/buffer.hpp"
#include "base/checked_math.hpp"
#include "simd/cached_rows.hpp"

namespace heed {

/// Streams must be long for the prefetcher: at n = 65536, d = 64, floats, pages of 256, 1024 and 4096 tokens are read
/// at 20, 27 and 28 GB/s. A page is also the least that a cache holds and that a fork copies.
inline constexpr std::size_t kPageTokens = 1024;

struct CacheShape {
  std::size_t layers = 1;
  std::size_t kv_heads = 1;
  std::size_t head_dim = 0;
  std::size_t value_dim = 0;
  std::size_t capacity = 0;  // most tokens of a layer
  simd::RowType type = simd::RowType::kFloat;
};

/// Tokens of a page.
constexpr std::size_t page_tokens(const CacheShape& shape) noexcept {
  return shape.capacity < kPageTokens ? round_up(shape.capacity, 64) : kPageTokens;
}

class PageLayout {
 public:
  explicit PageLayout(const CacheShape& shape) noexcept
      : type_(shape.type),
        tokens_(page_tokens(shape)),
        heads_(shape.kv_heads),
        key_bytes_(simd::row_columns(shape.head_dim) * simd::number_bytes(type_)),
        value_bytes_(simd::row_columns(shape.value_dim) * simd::number_bytes(type_)),
        keys_(round_up(tokens_ * key_bytes_, kAlignment)),
        values_(round_up(tokens_ * value_bytes_, kAlignment)),
        scales_(type_ == simd::RowType::kByte ? tokens_ * sizeof(float) : 0),
        head_(keys_ + values_ + 2 * scales_ + tokens_ * sizeof(float)) {}

  std::size_t key_bytes() const noexcept { return key_bytes_; }
  std::size_t value_bytes() const noexcept { return value_bytes_; }
  std::size_t page_bytes() const noexcept { return tokens_ + heads_ * head_; }

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

  std::size_t norm(std::size_t head, std::size_t token) const noexcept { return key_scale(head, token) + 2 * scales_; }

  /// Rows of one head of a page, from a token on.
  simd::CachedRows keys(const std::byte* page, std::size_t head, std::size_t token = 0) const noexcept {
    return {page + key(head, token), scales(page + key_scale(head, token))};
  }
  simd::CachedRows values(const std::byte* page, std::size_t head, std::size_t token = 0) const noexcept {
    return {page + value(head, token), scales(page + value_scale(head, token))};
  }

 private:
  std::size_t at(std::size_t head) const noexcept { return tokens_ + head * head_; }
  const float* scales(const std::byte* from) const noexcept {
    return scales_ == 0 ? nullptr : reinterpret_cast<const float*>(from);
  }

  simd::RowType type_;
  std::size_t tokens_, heads_, key_bytes_, value_bytes_, keys_, values_, scales_, head_;
};

}  // namespace heed
