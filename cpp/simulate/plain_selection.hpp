// Top-k attention as one would first write it: all scores of a row in memory, the k best chosen by one of three
// classical algorithms, their values mixed. What the searches of the library are measured against (E22); the scores are
// theirs, bit for bit.
//
//   quickselect   std::nth_element over (score, number)
//   heap          a heap of the k best so far
//   radix         kth_best() of topk/select.hpp, then one pass
#pragma once

#include "attention/problem.hpp"
#include "base/buffer.hpp"
#include "base/pieces.hpp"
#include "parallel/task_pool.hpp"
#include "topk/order.hpp"

namespace heed {

enum class Selecting { kQuickselect, kHeap, kRadix };

class PlainSelection {
 public:
  /// Of one head; false when there is no memory. `indices`: (queries, k), written ascending.
  [[nodiscard]] bool prepare(const AttentionProblem& problem, std::size_t k, std::uint32_t* indices, TaskPool& pool);
  /// Writes the output of every row.
  void run(Selecting how);

 private:
  struct Scratch {
    float *panel, *block, *tile, *scores, *weights;
    Scored* order;
  };
  Scratch cut(Pieces& pieces) const noexcept;
  void run_panel(std::size_t panel, Selecting how, std::byte* scratch) noexcept;
  void select(Selecting how, const float* scores, std::size_t visible, std::size_t k, Scored* order,
              std::uint32_t* kept) const noexcept;

  AttentionProblem problem_;
  TaskPool* pool_ = nullptr;
  std::size_t k_ = 0, scratch_bytes_ = 0;
  std::uint32_t* indices_ = nullptr;
  Buffer<std::byte> scratch_;
};

}  // namespace heed
