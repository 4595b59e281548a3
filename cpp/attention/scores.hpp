// One head's scores or probabilities as a matrix, for looking at attention. This is the one place that forms queries x
// keys numbers, because they are what was asked for.
//
// Scores are the bits that every kernel uses (score_former.hpp). Keys a row does not see have the score -infinity and
// the probability 0. A row without visible keys has probabilities 0.
#pragma once

#include "attention/problem.hpp"
#include "attention/score_former.hpp"
#include "base/buffer.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

enum class Look { kScores, kWeights };

class ScoreMatrix {
 public:
  /// `problem.out` is (queries, keys) for batch entry `batch` and query head `head`; `problem.v` is not used.
  ScoreMatrix(const AttentionProblem& problem, std::size_t batch, std::size_t head, Look look, TaskPool& pool);
  ScoreMatrix(const ScoreMatrix&) = delete;
  ScoreMatrix& operator=(const ScoreMatrix&) = delete;

  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept { return (problem_.shape.queries + kUnitQueries - 1) / kUnitQueries; }
  void run(Range units);

 private:
  static constexpr std::size_t kUnitQueries = 64;
  void run_unit(std::size_t unit, float* scratch) noexcept;
  void write_scores(const PanelRows& rows, const float* scores, Range keys) noexcept;
  void normalize_row(std::size_t i) noexcept;

  AttentionProblem problem_;
  std::size_t batch_, head_;
  Look look_;
  TaskPool& pool_;
  Status status_;
  ScoreFormer former_;
  std::size_t scratch_size_ = 0;
  Buffer<float> scratch_;
};

}  // namespace heed
