// What the estimators of the dropped values need of all tokens together (sparse/tail.hpp): per layer and head
//
//   values     sum_j v_j          (value_dim)
//   products   sum_j k_j v_j^T    (head_dim, value_dim): its product with a query is sum_j s_j v_j
//   keys       sum_j k_j          (head_dim): its product with a query is sum_j s_j
//
// in double, token by token in their order: a token appended is one addition of rank one. Page c holds the sums over
// the first (c + 1) kTailStep tokens, the last page over as many as were included so far; a rewind falls back to the
// last full page, so that the bits are those of a cache that never held more.
//
// Memory: head_dim x value_dim doubles every kTailStep tokens, 1.5 % of a cache of floats at d = 64.
#pragma once

#include <memory>

#include "cache/page_layout.hpp"
#include "cache/page_table.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

class KvCache;

inline constexpr std::size_t kTailStep = 4096;

class TailState {
 public:
  explicit TailState(const CacheShape& shape) noexcept;

  /// Makes the sums those over the first `length` tokens of the layer. False without memory; then nothing may be read
  /// before a call that succeeds.
  [[nodiscard]] bool move_to(const KvCache& cache, std::size_t layer, std::size_t length, TaskPool& pool) noexcept;
  void rewind(std::size_t layer, std::size_t length) noexcept;
  [[nodiscard]] bool share(const TailState& other) noexcept;
  std::size_t bytes() const noexcept;

  /// The sums of the last move_to(); null where they are all zero.
  const double* values(std::size_t layer, std::size_t g) const noexcept;
  const double* products(std::size_t layer, std::size_t g) const noexcept;
  const double* keys(std::size_t layer, std::size_t g) const noexcept;

 private:
  struct Layer {
    PageTable table;
    std::size_t length = 0;
  };
  [[nodiscard]] bool prepare() noexcept;
  double* sums(std::byte* page, std::size_t g) const noexcept {
    return reinterpret_cast<double*>(page) + g * head_numbers_;
  }
  void add(const KvCache& cache, std::size_t layer, std::size_t g, Range tokens, double* sums, float* row) noexcept;

  std::size_t count_, heads_, dim_, value_dim_, head_numbers_;
  std::unique_ptr<Layer[]> layers_;  // null until it is needed
};

}  // namespace heed
