// One point of a protocol: studies that are run one after the other, and the rows of its table once they are done.
//
// A protocol is a class that turns parameters into studies (its constructor) and answers into rows (finish()). Columns
// have names; a column of words has them behind its name, "policy:fixed|dynamic", and holds their numbers.
#pragma once

#include <initializer_list>
#include <memory>

#include "simulate/parameters.hpp"
#include "simulate/row_study.hpp"

namespace heed {

/// The parameters that every protocol takes, read first.
struct CommonParameters {
  SourceOptions source;  // n is 0
  std::size_t repeats = 1;

  static CommonParameters read(Parameters& parameters, const float* q, const float* k);
};

class Experiment {
 public:
  virtual ~Experiment() = default;
  Experiment(const Experiment&) = delete;
  Experiment& operator=(const Experiment&) = delete;

  virtual const Status& status() const noexcept { return status_; }
  virtual std::size_t units() const noexcept { return runner_ ? runner_->units() : 0; }
  /// In order, every unit once; the table stands after the last one.
  virtual void run(Range units);

  /// "n,d,rule:constant|power,..."
  const char* columns() const noexcept { return columns_; }
  std::size_t rows() const noexcept { return rows_; }
  /// (rows, columns)
  const std::vector<double>& table() const noexcept { return table_; }

 protected:
  Experiment(const char* columns, TaskPool& pool) noexcept : pool_(pool), columns_(columns) {}

  /// Mean, its standard error and the largest value over the repeats of a study.
  struct Average {
    double mean = 0.0, error = 0.0, most = 0.0;
  };

  /// Adds `repeats` studies that differ in their seeds only; returns the number of the first.
  std::size_t add(StudyRequest request, std::size_t repeats);
  /// Whether exactly the parameters that there are were read; fails otherwise.
  bool whole(const Parameters& parameters) {
    if (!parameters.whole()) fail("the numbers of the simulation are not those that its protocol reads");
    return parameters.whole();
  }
  /// After the last add(): takes the memory.
  void ready(const Parameters& parameters);
  void fail(std::string detail) { status_ = Status::fail(ErrorCode::kInvalidArgument, std::move(detail)); }

  const StudyResult& result(std::size_t study) const noexcept { return runner_->result(study); }
  /// Over the repeats first .. first + repeats - 1. The error is that of the repeats where there are several, otherwise
  /// that of the rows, which share their keys: it is then too small where keys matter.
  template <class Pick>
  Average average(std::size_t first, std::size_t repeats, Pick&& pick) const {
    Average all;
    double squares = 0.0;
    const auto count = static_cast<double>(repeats);
    for (std::size_t i = first; i < first + repeats; ++i) {
      const Column& column = pick(result(i));
      all.mean += column.mean;
      squares += column.mean * column.mean;
      all.most = i == first ? column.most : std::max(all.most, column.most);
      all.error = column.deviation / std::sqrt(static_cast<double>(result(i).rows));
    }
    all.mean /= count;
    if (repeats > 1) all.error = std::sqrt(std::max(0.0, squares / count - all.mean * all.mean) / (count - 1.0));
    return all;
  }
  /// The mean of a number that a study has one of.
  template <class Pick>
  double mean(std::size_t first, std::size_t repeats, Pick&& pick) const {
    double sum = 0.0;
    for (std::size_t i = first; i < first + repeats; ++i) sum += pick(result(i));
    return sum / static_cast<double>(repeats);
  }

  /// A sum over all rows of the repeats.
  double total(std::size_t first, std::size_t repeats, std::size_t rule, Kept which) const noexcept {
    double sum = 0.0;
    for (std::size_t i = first; i < first + repeats; ++i)
      sum += result(i).kept(rule, which).mean * static_cast<double>(result(i).rows);
    return std::round(sum);
  }

  void row(std::initializer_list<double> values) {
    table_.insert(table_.end(), values);
    ++rows_;
  }

  TaskPool& pool_;
  Status status_;

  /// After the last unit: writes the rows.
  virtual void finish() = 0;

 private:
  const char* columns_;
  std::vector<StudyRequest> requests_;
  std::unique_ptr<StudyRunner> runner_;
  std::size_t rows_ = 0;
  std::vector<double> table_;
};

}  // namespace heed
