// E12: which keys does a sum in a narrow format lose, and what does that cost? One n; a row per format and way of
// summing (accumulation.hpp), means over the sampled rows.
//
//   visible       entries above half a unit in the last place of the row's sum: k_eff(half-ulp)
//   lost          keys that the sum of weights did not notice, of `keys`
//   lostMass      their probability                         lostPosition   where they are, 1/2 if anywhere, in the mean
//   lostLargest   the largest probability that was lost, over rows
//   total         the sum of weights over the exact one
//   outputError   |o - o_exact| / |o_exact|, values N(0, I)   (outputErrorError its standard error)
//
// Scores and values are the same for all. topK keeps `keep` entries.
#include <iterator>

#include "simulate/accumulation.hpp"
#include "simulate/protocols.hpp"
#include "simulate/streams.hpp"

namespace heed {
namespace {

// Integer sums are exact: the ways of summing them up are one.
constexpr bool differs(NumberFormat format, Summation summation) noexcept {
  return format != NumberFormat::kInt8 || summation == Summation::kNaive || summation == Summation::kTopK;
}

double half_unit(NumberFormat format) noexcept {
  return format == NumberFormat::kInt8 ? 1.0 / 254.0 : Rounding(format).unit();
}

constexpr std::size_t count_cases() noexcept {
  std::size_t count = 0;
  for (const NumberFormat format : kNumberFormats)
    for (const Summation summation : kSummations) count += differs(format, summation) ? 1 : 0;
  return count;
}

constexpr std::size_t kCases = count_cases();
enum Measured { kVisible, kLost, kLostMass, kLostPosition, kLostLargest, kTotal, kOutputError, kMeasured };

class Precision final : public Experiment, private RowVisitor {
 public:
  Precision(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "n,format:f64|f32|bf16|f16|e4m3|e5m2|int8,method:naive|kahan|pairwise|topK,unit,keep,keys,visible,lost,"
            "lostMass,lostPosition,lostLargest,total,outputError,outputErrorError",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    common_.source.n = parameters.count();
    keep_ = parameters.count();
    add({.source = common_.source, .visitor = this}, 1);
    ready(parameters);
    if (!status_.ok()) return;
    const std::size_t rows = common_.source.sampled();
    const CheckedSize weights = checked_product({rows, common_.source.n});
    if (!weights.fits || !values_.resize(common_.source.n * kValueColumns) || !weights_.resize(weights.value) ||
        !rows_.resize(rows) || !measured_.resize(rows * kCases * kMeasured))
      need(false);
  }

  // First the values, then the rows, then a sum per row and case: each some milliseconds at n = 65536.
  std::size_t units() const noexcept override { return start_of_sums() + common_.source.sampled() * kCases; }

  void run(Range units) override {
    const std::size_t rows = stretches(), sums = start_of_sums();
    if (units.begin < rows)
      pool_.run({units.begin, std::min(units.end, rows)}, [this](std::size_t unit, std::size_t) { fill(unit); });
    if (units.begin <= rows && units.end > rows) measure_ranges();
    if (units.begin < sums && units.end > rows)
      Experiment::run({std::max(units.begin, rows) - rows, std::min(units.end, sums) - rows});
    if (units.end > sums)
      pool_.run({std::max(units.begin, sums) - sums, units.end - sums},
                [this](std::size_t unit, std::size_t) { sum_up(unit); });
    if (units.end == this->units() && units.begin < units.end) write();
  }

 private:
  // Values are cheap to make.
  static constexpr std::size_t kStretch = 16 * RowSource::kStretch;
  std::size_t stretches() const noexcept { return (common_.source.n + kStretch - 1) / kStretch; }
  std::size_t start_of_sums() const noexcept { return stretches() + Experiment::units(); }

  void fill(std::size_t stretch) noexcept {
    const std::size_t begin = stretch * kStretch, end = std::min(begin + kStretch, common_.source.n);
    CounterRandom(common_.source.seed, kValueStream)
        .fill_normal(begin * kValueColumns, (end - begin) * kValueColumns, values_.data() + begin * kValueColumns);
  }

  void measure_ranges() noexcept {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      float& range = ranges_[i % kValueColumns];
      range = std::max(range, std::abs(values_[i]));
    }
  }

  std::size_t visible(std::size_t row) const noexcept {
    return common_.source.causal ? RowSource::token(common_.source, row) + 1 : common_.source.n;
  }

  // What a row is for all formats and ways of summing.
  struct Row {
    double cut;
    std::size_t ties;
    Accumulated exact;
  };

  WeightedKeys keys_of(std::size_t row) const noexcept {
    WeightedKeys keys{.weights = weights_.data() + row * common_.source.n,
                      .values = values_.data(),
                      .count = visible(row),
                      .cut = rows_[row].cut,
                      .ties = rows_[row].ties,
                      .value_ranges = {}};
    std::copy_n(ranges_, kValueColumns, keys.value_ranges);
    return keys;
  }

  void visit(std::size_t row, const float* scores, const SortedRow& sorted, std::size_t) noexcept override {
    const std::size_t count = visible(row), k = std::min(keep_, count);
    double* weights = weights_.data() + row * common_.source.n;
    for (std::size_t j = 0; j < count; ++j) weights[j] = std::exp(double{scores[j]} - sorted.score(0));
    Row& own = rows_[row];
    own.ties = 0;
    while (own.ties < k && sorted.score(k - 1 - own.ties) == sorted.score(k - 1)) ++own.ties;
    own.cut = std::exp(sorted.score(k - 1) - sorted.score(0));
    own.exact = accumulate(keys_of(row), NumberFormat::kF64, Summation::kPairwise);
    double* to = measured_.data() + row * kCases * kMeasured;
    for (const NumberFormat format : kNumberFormats) {
      // Half a unit in the last place, in the binade of the sum; steps of int8 do not depend on it.
      const bool integer = format == NumberFormat::kInt8;
      const double half = half_unit(format) * (integer ? 1.0 : std::exp2(std::floor(std::log2(own.exact.total))));
      const auto seen = static_cast<double>(sorted.above(half));
      for (const Summation summation : kSummations) {
        if (!differs(format, summation)) continue;
        to[kVisible] = seen;
        to += kMeasured;
      }
    }
  }

  // One row in one format and way.
  void sum_up(std::size_t unit) noexcept {
    const std::size_t row = unit / kCases;
    std::size_t place = unit % kCases;
    for (const NumberFormat format : kNumberFormats)
      for (const Summation summation : kSummations) {
        if (!differs(format, summation) || place-- > 0) continue;
        const Accumulated& exact = rows_[row].exact;
        const Accumulated sum = accumulate(keys_of(row), format, summation);
        double* to = measured_.data() + unit * kMeasured;
        to[kLost] = sum.lost;
        to[kLostMass] = sum.lost_weight / exact.total;
        to[kLostPosition] = sum.lost_position;
        to[kLostLargest] = sum.lost_largest / exact.total;
        to[kTotal] = sum.total / exact.total;
        to[kOutputError] = distance(sum.output, exact.output);
        return;
      }
  }

  static double distance(const double* o, const double* exact) noexcept {
    double off = 0.0, size = 0.0;
    for (std::size_t c = 0; c < kValueColumns; ++c) {
      off += (o[c] - exact[c]) * (o[c] - exact[c]);
      size += exact[c] * exact[c];
    }
    return std::sqrt(off / size);
  }

  // The rows are done; their sums are not.
  void finish() override {}

  void write() {
    const std::size_t sampled = common_.source.sampled();
    const auto rows = static_cast<double>(sampled);
    std::size_t place = 0;
    for (const NumberFormat format : kNumberFormats)
      for (const Summation summation : kSummations) {
        if (!differs(format, summation)) continue;
        double sums[kMeasured] = {}, largest = 0.0, squares = 0.0, keys = 0.0;
        for (std::size_t r = 0; r < sampled; ++r) {
          const double* values = measured_.data() + (r * kCases + place) * kMeasured;
          for (std::size_t i = 0; i < kMeasured; ++i) sums[i] += values[i] / rows;
          largest = std::max(largest, values[kLostLargest]);
          squares += values[kOutputError] * values[kOutputError] / rows;
          keys += static_cast<double>(visible(r)) / rows;
        }
        const double variance = std::max(0.0, squares - sums[kOutputError] * sums[kOutputError]);
        row({static_cast<double>(common_.source.n), static_cast<double>(format), static_cast<double>(summation),
             half_unit(format), summation == Summation::kTopK ? static_cast<double>(keep_) : keys, keys, sums[kVisible],
             sums[kLost], sums[kLostMass], sums[kLost] > 0.0 ? sums[kLostPosition] / sums[kLost] : 0.5, largest,
             sums[kTotal], sums[kOutputError], std::sqrt(variance / rows)});
        ++place;
      }
  }

  CommonParameters common_;
  std::size_t keep_ = 64;
  Buffer<float> values_;              // (n, kValueColumns)
  float ranges_[kValueColumns] = {};  // the largest |value| of each column
  Buffer<double> weights_;            // (rows, n)
  Buffer<Row> rows_;
  Buffer<double> measured_;  // (rows, kCases, kMeasured)
};

}  // namespace

std::unique_ptr<Experiment> make_precision(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Precision>(input, pool);
}

}  // namespace heed
