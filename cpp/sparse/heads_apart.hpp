// Keys and values of a token-major problem, copied so that each head lies by itself. A top-k row reads the values, and
// some searches the keys, of rows here and there; with 8 heads those lie 2 KB apart, fall into an eighth of the sets of
// every cache, and each costs a page of its own.
//
// Memory: (keys, kv_heads, head_dim + value_dim); nothing is copied beyond kMostBytes.
#pragma once

#include "attention/problem.hpp"
#include "base/buffer.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

class HeadsApart {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;

  /// Makes `problem` read the copies, where they are worth it. They live as long as this. False when there is no
  /// memory.
  [[nodiscard]] bool build(AttentionProblem& problem, TaskPool& pool);

 private:
  Buffer<float> keys_, values_;
};

}  // namespace heed
