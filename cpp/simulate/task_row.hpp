// Attention rows whose answer is known: one query, n keys, and what it should read.
//
// Keys are independent N(0, I_d), times a length l_j = e^(spread z'). A query that looks for a key k, up to noise, is
// q = sqrt(d) (signal k / |k| + sqrt(1 - signal^2) noise): the score of k is then gain l signal sqrt(d), and that of
// every other key gain l_j z_j, z_j ~ N(0, 1), exactly in law but for |k| = sqrt(d). So rows are drawn by their scores.
//
//   needle      one key is looked for; its class, one of `classes`, is the answer
//   needles     four keys of different classes; the answer are the four
//   average     no key is looked for; classes 0 and 1, a share of 1 that is drawn from [0.2, 0.8] is the answer, within
//               `tolerance`
//   induction   tokens of a vocabulary; keys are embeddings of the token before, equal tokens have equal keys. A token
//               that is always followed by the same one is looked for, and that one is the answer: a copy
//   maximum     scores 4 gain l_j z_j, the answer is the largest z_j, within 0.25
//
// A row of weights w reads one output, o_c = sum_j w_j v_jc, and the answer is told from it:
//
//   average     one column, 1 for keys of class 1: o is the answer
//   maximum     one column, z_j: o is the answer
//   others      a column for each class, 1 for its keys: the largest, or the four largest, are the answer; and one
//   more,
//               1 for the keys that are looked for: the weight on them
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/pieces.hpp"
#include "theory/number_format.hpp"

namespace heed {

/// The order is the order of the words of column `task`.
enum class Task { kNeedle, kNeedles, kAverage, kInduction, kMaximum };
inline constexpr const char* kTaskWords = "needle|needles|average|induction|maximum";
inline constexpr std::size_t kTasks = 5;

struct TaskOptions {
  std::size_t n = 0;
  std::size_t head_dim = 64;
  double gain = 1.0;
  double signal = 0.6;
  double spread = 0.0;
  std::size_t classes = 64;      // at least 4
  std::size_t vocabulary = 512;  // at least 2
  double tolerance = 0.025;
  std::uint64_t seed = 0;
};

struct Answer {
  double accuracy = 0.0;  // 1 when right; for `needles` the share that is
  double weight = 0.0;    // on the keys that are looked for; NaN where none is
  double error = 0.0;     // of the number that is read; NaN where none is
};

class TaskRow {
 public:
  struct Scratch {
    float *scores, *level, *numbers;  // whole vectors
    std::uint32_t* classes;
    std::uint8_t* wanted;

    static Scratch cut(Pieces& pieces, const TaskOptions& options) noexcept;
  };

  /// Draws the row of that trial.
  TaskRow(Task task, const TaskOptions& options, std::size_t trial, const Scratch& scratch) noexcept;

  std::size_t size() const noexcept { return options_.n; }
  const float* scores() const noexcept { return row_.scores; }
  /// The scores if all keys had the same length: those of normalized queries and keys.
  const float* level_scores() const noexcept { return row_.level; }
  /// Whether all keys have the same length: the two are then the same.
  bool level() const noexcept { return options_.spread == 0.0; }

  std::size_t columns() const noexcept { return columns_of(task_, options_); }
  static std::size_t columns_of(Task task, const TaskOptions& options) noexcept;
  /// Columns first .. first + count - 1 of v: (n, count).
  void values(std::size_t first, std::size_t count, float* to) const noexcept;
  /// o with every weight, product and running sum rounded to a format, divided by the sum of weights at the end. The
  /// weight on the keys that are looked for is exact.
  void read_narrow(const double* weights, const Rounding& round, double* to) const noexcept;
  /// What o, columns() numbers, answers.
  Answer judge(const double* read) const noexcept;

 private:
  void draw_keys(std::size_t trial) noexcept;
  void draw_sequence(std::size_t trial) noexcept;
  void want(std::size_t j, std::uint32_t of_class) noexcept;
  double largest_number() const noexcept;
  bool one_number() const noexcept { return task_ == Task::kAverage || task_ == Task::kMaximum; }

  const Task task_;
  const TaskOptions& options_;
  const Scratch row_;
  std::size_t classes_ = 2;
  double target_ = 0.0;
};

}  // namespace heed
