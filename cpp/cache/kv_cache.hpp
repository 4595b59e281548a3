// The keys and values of the tokens so far, layer by layer: what decoding reads.
//
// Tokens lie in pages (page_layout.hpp). A cache grows page by page and never moves what it holds; a fork shares all
// pages until one of the two writes to one. Every call either succeeds or leaves the cache as it was.
//
// Half floats and bytes are rounded once, when a token is appended. Numbers that are not finite are kept as what they
// are, or as NaN for bytes, and spoil only rows that see their token.
#pragma once

#include <memory>

#include "base/status.hpp"
#include "base/view.hpp"
#include "cache/key_sketches.hpp"
#include "cache/page_boxes.hpp"
#include "cache/page_layout.hpp"
#include "cache/page_table.hpp"
#include "cache/recorded_attention.hpp"
#include "cache/shadow_keys.hpp"
#include "cache/tail_state.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

/// What a caller can get wrong about a shape.
Status validate(const CacheShape& shape);

class KvCache {
 public:
  explicit KvCache(const CacheShape& shape);
  KvCache(KvCache&&) noexcept = default;
  KvCache& operator=(KvCache&&) noexcept = default;

  /// Why it cannot be used. Nothing may be called after a failure.
  const Status& status() const noexcept { return status_; }
  const CacheShape& shape() const noexcept { return shape_; }
  const PageLayout& layout() const noexcept { return layout_; }

  /// Tokens that a layer holds.
  std::size_t length(std::size_t layer) const noexcept { return layers_[layer].length; }
  /// Tokens that every layer holds.
  std::size_t length() const noexcept;
  /// Of all pages, those that a fork shares too, and of what searches keep.
  std::size_t bytes() const noexcept;

  /// keys (tokens, kv_heads, head_dim), values (tokens, kv_heads, value_dim). kInvalidArgument beyond the capacity.
  Status append(std::size_t layer, const float* keys, const float* values, std::size_t tokens, TaskPool& pool);
  /// Keeps the first `length` tokens of every layer that has more.
  Status rewind(std::size_t length);
  /// The same for one layer, which must have as many.
  Status rewind(std::size_t layer, std::size_t length);
  void clear() noexcept;
  /// Makes this cache, which must be new and of the same shape, a copy of the first length(layer) tokens of `other`.
  Status fork(const KvCache& other);

  /// Keeps `count` tokens of each head of a layer, listed ascending head by head; head g's i-th becomes its token i.
  Status keep_only(std::size_t layer, const std::uint32_t* tokens, std::size_t count);

  /// For restoring: makes an empty layer `length` tokens long, whose rows are to be written to its pages; recover()
  /// then finds what is kept beside them. False when a row holds what no append() would have written.
  Status extend(std::size_t layer, std::size_t length);
  std::byte* writable(std::size_t layer, std::size_t page) noexcept { return layers_[layer].table.page(page); }
  [[nodiscard]] bool recover(std::size_t layer) noexcept;

  std::size_t pages(std::size_t layer) const noexcept { return layers_[layer].table.size(); }
  const std::byte* page(std::size_t layer, std::size_t i) const noexcept {
    return static_cast<const PageTable&>(layers_[layer].table).page(i);
  }
  /// Keys and values of a head for tokens [range), which lie in one page.
  simd::CachedRows key_rows(std::size_t layer, std::size_t head, Range range) const noexcept;
  simd::CachedRows value_rows(std::size_t layer, std::size_t head, Range range) const noexcept;
  /// An upper bound of the norms of a head's first `count` keys, as they are stored.
  double key_norm(std::size_t layer, std::size_t head, std::size_t count) const noexcept;
  /// Whether all numbers of tokens [range), which lie in one page, are finite.
  bool finite(std::size_t layer, Range range) const noexcept;

  /// What searches and estimators keep beside the tokens; each is brought up to date by who uses it.
  ShadowKeys& shadow() noexcept { return shadow_; }
  PageBoxes& boxes() noexcept { return boxes_; }
  KeySketches& sketches() noexcept { return sketches_; }
  TailState& tails() noexcept { return tails_; }
  /// What tokens received of the attention that was recorded. Belongs to the tokens: it is saved with them.
  const RecordedAttention& recorded() const noexcept { return recorded_; }
  /// Adds to it for a layer's first tokens: (kv_heads, tokens).
  Status record(std::size_t layer, const double* received, std::size_t tokens, TaskPool& pool);

  /// Token t of a head as floats.
  void read(std::size_t layer, std::size_t head, std::size_t token, float* key, float* value) const noexcept;

 private:
  struct Layer {
    PageTable table;
    std::size_t length = 0;
  };
  void cut(std::size_t layer, std::size_t length) noexcept;
  void cut_found(std::size_t layer, std::size_t length) noexcept;
  void store(std::byte* page, std::size_t at, const float* keys, const float* values) noexcept;
  void note_norm(std::byte* page, std::size_t head, std::size_t at) noexcept;

  CacheShape shape_;
  PageLayout layout_;
  Status status_;
  std::unique_ptr<Layer[]> layers_;
  ShadowKeys shadow_;
  PageBoxes boxes_;
  KeySketches sketches_;
  TailState tails_;
  RecordedAttention recorded_;
};

}  // namespace heed
