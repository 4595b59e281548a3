// All keys and values of a call as packed blocks, made once for all units of rows: packing them anew for each unit of
// 256 rows is a twelfth of the time at n = 1024, d = 64, 8 heads, where a head's rows lie 2 KB apart.
//
// Memory: packed_stride() floats for each row of a key head; nothing is packed beyond kMostBytes, and units pack for
// themselves.
#pragma once

#include <cstdint>

#include "attention/problem.hpp"
#include "base/buffer.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

/// kKeyBlock rows of a head, or fewer at the end. Whether all values are finite may be asked of more rows than are
/// read.
struct PackedBlock {
  const float* keys;
  const float* values;
  bool finite;
};

class PackedTokens {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{24} << 20;

  /// `value_columns`: value_dim, padded. False when there is no memory; ready afterwards unless there is too much.
  [[nodiscard]] bool build(const AttentionProblem& problem, std::size_t value_columns, TaskPool& pool);

  bool ready() const noexcept { return ready_; }
  /// The block that begins at this key of key head g.
  PackedBlock at(std::size_t b, std::size_t g, std::size_t key) const noexcept;

 private:
  std::size_t place(std::size_t b, std::size_t g, std::size_t block) const noexcept {
    return (b * kv_heads_ + g) * blocks_ + block;
  }
  void pack(const AttentionProblem& problem, std::size_t value_columns, std::size_t unit) noexcept;

  std::size_t kv_heads_ = 0, blocks_ = 0, key_size_ = 0, value_size_ = 0;
  bool ready_ = false;
  Buffer<float> keys_, values_;
  Buffer<std::uint8_t> finite_;
};

}  // namespace heed
