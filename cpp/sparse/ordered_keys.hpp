// All keys packed once, in the order in which they pass by (key_order.hpp), where every unit of a call has the same
// order: packing them anew for each unit is 5 % of the time at d = 64.
//
// Memory: packed_stride(d) floats a key and head; nothing is packed beyond kMostBytes, and units pack for themselves.
#pragma once

#include <cstdint>

#include "attention/problem.hpp"
#include "base/buffer.hpp"
#include "parallel/task_pool.hpp"
#include "sparse/key_order.hpp"

namespace heed {

/// Some keys that pass by together: their numbers, and their rows as a packed block.
struct PassingKeys {
  const std::uint32_t* numbers;
  const float* packed;
  std::size_t count;
};

class OrderedKeys {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;

  /// False when there is no memory left. Ready afterwards unless the keys are too many.
  [[nodiscard]] bool build(const AttentionProblem& problem, KeyOrder order, TaskPool& pool);

  bool ready() const noexcept { return ready_; }
  /// The keys [first, first + count) of the order, of key head g.
  PassingKeys at(std::size_t b, std::size_t g, std::size_t first, std::size_t count) const noexcept {
    const float* head = packed_.data() + (b * kv_heads_ + g) * keys_ * stride_;
    return {numbers_.data() + first, head + first * stride_, count};
  }

 private:
  std::size_t keys_ = 0, kv_heads_ = 0, stride_ = 0;
  bool ready_ = false;
  Buffer<std::uint32_t> numbers_;
  Buffer<float> packed_;
};

}  // namespace heed
