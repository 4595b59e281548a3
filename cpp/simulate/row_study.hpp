// The engine that the protocols share: sampled rows of one source, each sorted once, and from it everything that was
// asked about any number of k, epsilon and targets.
//
// A study's answer is a table of columns, each with mean, largest and standard deviation over the rows:
//
//   scalars (Scalar), then for every keep rule (Kept), then entries above every threshold, then the fewest entries that
//   drop at most every mass, then the fewest whose l2 error is at most every target
//
// Units: per group of rows one for its queries, one per stretch of keys, one per row; they must be run in order. A
// unit takes O(n) at most, a few milliseconds at n = 2^16. Rows write to their own places and are summed in order, so
// the result does not depend on the number of threads.
#pragma once

#include <vector>

#include "base/status.hpp"
#include "parallel/task_pool.hpp"
#include "simulate/keep_rule.hpp"
#include "simulate/row_source.hpp"
#include "simulate/sorted_row.hpp"

namespace heed {

/// Told about every row, on the thread that examined it; another row may come at the same time on another thread.
class RowVisitor {
 public:
  /// The row's scores with all n keys, and the sorted row of those it sees.
  virtual void visit(std::size_t row, const float* scores, const SortedRow& sorted, std::size_t thread) noexcept = 0;

 protected:
  ~RowVisitor() = default;
};

struct StudyRequest {
  SourceOptions source = {};
  std::vector<KeepRule> keep = {};
  std::vector<double> thresholds = {};  // epsilon of "entries above epsilon"
  std::vector<double> masses = {};      // tau of "fewest entries that drop at most tau"
  std::vector<double> targets = {};     // eta of "fewest entries with l2 error at most eta"
  bool norms = false;                   // also the norms of W
  RowVisitor* visitor = nullptr;        // or none
};

/// What is asked of every row. kOwn is a row's score with its own key; kScore, kSquare and kExtreme are the sum, the
/// sum of squares and the largest size of the others, which kPairs counts.
enum class Scalar {
  kEntropy,
  kParticipation,
  kLargest,
  kSelf,
  kLength,
  kOwn,
  kScore,
  kSquare,
  kPairs,
  kExtreme,
  kScalars,
};
/// What is asked of every row and rule. kViolated is 1 where l2 lies outside [kLeastL2, kMostL2].
enum class Kept { kEntries, kDropped, kL2, kLargestError, kLeastL2, kMostL2, kViolated, kKepts };

struct Column {
  double mean = 0.0, most = 0.0;
  double deviation = 0.0;  // over rows
};

struct StudyResult {
  std::size_t rows = 0;
  std::size_t keeps = 0, thresholds = 0, masses = 0;
  std::vector<Column> columns;
  double sigma = 0.0;  // standard deviation of the scores with other tokens
  WeightNorms norms;
  RowSource::TokenRange tokens{0.0, 0.0};

  const Column& scalar(Scalar which) const noexcept { return columns[static_cast<std::size_t>(which)]; }
  const Column& kept(std::size_t rule, Kept which) const noexcept {
    return columns[kFirstKept + rule * kKeptColumns + static_cast<std::size_t>(which)];
  }
  const Column& effective(std::size_t i) const noexcept { return columns[kFirstKept + keeps * kKeptColumns + i]; }
  const Column& for_mass(std::size_t i) const noexcept { return effective(thresholds + i); }
  const Column& for_l2(std::size_t i) const noexcept { return effective(thresholds + masses + i); }

  static constexpr std::size_t kFirstKept = static_cast<std::size_t>(Scalar::kScalars);
  static constexpr std::size_t kKeptColumns = static_cast<std::size_t>(Kept::kKepts);
};

/// Runs studies one after the other in memory that is reserved once.
class StudyRunner {
 public:
  StudyRunner(std::vector<StudyRequest> requests, TaskPool& pool);

  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept { return starts_.back(); }
  void run(Range units);
  /// Of the studies whose units are done.
  const StudyResult& result(std::size_t study) const noexcept { return results_[study]; }
  const StudyRequest& request(std::size_t study) const noexcept { return requests_[study]; }

 private:
  Status prepare();
  std::size_t run_some(std::size_t study, std::size_t unit, std::size_t end);
  void examine(std::size_t row, std::size_t thread) noexcept;
  void join(std::size_t study) noexcept;
  RowScratch row_scratch(std::size_t thread) noexcept;

  std::vector<StudyRequest> requests_;
  TaskPool& pool_;
  Status status_;
  std::vector<std::size_t> starts_;  // first unit of each study, and the end
  std::vector<StudyResult> results_;
  RowSource source_;
  Buffer<double> values_;         // (rows, columns) of the current study
  Buffer<std::byte> row_memory_;  // per thread
  std::size_t longest_ = 0, row_bytes_ = 0, study_ = 0;
};

}  // namespace heed
