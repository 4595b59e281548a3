// What a search keeps beside the tokens of a cache: pages of records, head by head, that grow, rewind and fork with it.
//
// Records of `step` tokens belong together, so a rewind falls back to a whole step, and what follows is made anew from
// the cache. It is brought up to date when a search needs it: the cost of a token is paid once, by the first search
// that sees it. Nothing is allocated before.
#pragma once

#include <algorithm>
#include <memory>

#include "base/view.hpp"
#include "cache/page_layout.hpp"
#include "cache/page_table.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

class KvCache;

/// Records are shorter than the cache's rows, and their streams as long.
inline constexpr std::size_t kShadowTokens = 4 * kPageTokens;

class Companion {
 public:
  void rewind(std::size_t layer, std::size_t length) noexcept;
  [[nodiscard]] bool share(const Companion& other) noexcept;
  std::size_t bytes() const noexcept;

 protected:
  Companion(const CacheShape& shape, std::size_t step) noexcept
      : count_(shape.layers),
        heads_(shape.kv_heads),
        step_(step),
        tokens_(shape.capacity < kShadowTokens ? round_up(shape.capacity, step) : kShadowTokens) {}

  /// Tokens of a page; what a page holds of each head is set by the constructor of a kind.
  std::size_t page_tokens() const noexcept { return tokens_; }
  void set_head_bytes(std::size_t bytes) noexcept { head_bytes_ = round_up(bytes, kAlignment); }

  /// Whether there was a need so far.
  bool started() const noexcept { return layers_ != nullptr; }
  std::size_t length(std::size_t layer) const noexcept { return layers_ == nullptr ? 0 : layers_[layer].length; }

  /// Room for tokens [0, end) of a layer. False, and what was there is still there, without memory.
  [[nodiscard]] bool open(std::size_t layer, std::size_t end) noexcept;

  /// From here on all pages of a layer belong to this cache alone. False, and nothing changed, without memory.
  [[nodiscard]] bool own(std::size_t layer) noexcept;

  /// open(), then add(page, g, tokens within the page, thread) for all that is new, on the pool's threads.
  template <class Add>
  [[nodiscard]] bool extend(std::size_t layer, std::size_t end, TaskPool& pool, Add&& add) noexcept {
    if (length(layer) >= end && layers_ != nullptr) return true;
    if (!open(layer, end)) return false;
    Layer& at = layers_[layer];
    const std::size_t first = at.length / kShadowTokens;
    pool.run({first * heads_, at.table.size() * heads_}, [&](std::size_t unit, std::size_t thread) {
      const std::size_t page = unit / heads_, start = page * kShadowTokens;
      add(page, unit % heads_, Range{std::max(at.length, start) - start, std::min(end - start, kShadowTokens)}, thread);
    });
    at.length = end;
    return true;
  }

  std::byte* records(std::size_t layer, std::size_t page, std::size_t g) noexcept {
    return layers_[layer].table.page(page) + g * head_bytes_;
  }
  const std::byte* records(std::size_t layer, std::size_t page, std::size_t g) const noexcept {
    return static_cast<const PageTable&>(layers_[layer].table).page(page) + g * head_bytes_;
  }
  std::size_t layers() const noexcept { return count_; }
  std::size_t heads() const noexcept { return heads_; }

 private:
  struct Layer {
    PageTable table;
    std::size_t length = 0;
  };
  [[nodiscard]] bool prepare() noexcept;

  std::size_t count_, heads_, step_, tokens_, head_bytes_ = 0;
  std::unique_ptr<Layer[]> layers_;  // null until it is needed
};

}  // namespace heed
