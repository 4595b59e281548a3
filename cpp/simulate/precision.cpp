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
    if (!values_.resize(common_.source.n * kValueColumns) || !weights_.resize(common_.source.n * pool.threads()) ||
        !measured_.resize(common_.source.sampled() * kCases * kMeasured))
      status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the simulation; take a smaller n");
  }

  // First the values, then the rows.
  std::size_t units() const noexcept override { return stretches() + Experiment::units(); }

  void run(Range units) override {
    const std::size_t start = stretches();
    if (units.begin < start)
      pool_.run({units.begin, std::min(units.end, start)}, [this](std::size_t unit, std::size_t) { fill(unit); });
    if (units.end <= start) return;
    if (units.begin <= start) measure_ranges();
    Experiment::run({std::max(units.begin, start) - start, units.end - start});
  }

 private:
  std::size_t stretches() const noexcept { return RowSource::stretches(common_.source.n); }

  void fill(std::size_t stretch) noexcept {
    const std::size_t begin = stretch * RowSource::kStretch;
    const std::size_t end = std::min(begin + RowSource::kStretch, common_.source.n);
    CounterRandom(common_.source.seed, kValueStream)
        .fill_normal(begin * kValueColumns, (end - begin) * kValueColumns, values_.data() + begin * kValueColumns);
  }

  void measure_ranges() noexcept {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      float& range = ranges_[i % kValueColumns];
      range = std::max(range, std::abs(values_[i]));
    }
  }

  void visit(std::size_t row, const float* scores, const SortedRow& sorted, std::size_t thread) noexcept override {
    const std::size_t own = RowSource::token(common_.source, row);
    const std::size_t visible = common_.source.causal ? own + 1 : common_.source.n;
    const std::size_t k = std::min(keep_, visible);
    std::size_t ties = 0;
    while (ties < k && sorted.score(k - 1 - ties) == sorted.score(k - 1)) ++ties;
    // Once, for all formats.
    double* weights = weights_.data() + thread * common_.source.n;
    for (std::size_t j = 0; j < visible; ++j) weights[j] = std::exp(double{scores[j]} - sorted.score(0));
    WeightedKeys keys{.scores = scores,
                      .weights = weights,
                      .values = values_.data(),
                      .count = visible,
                      .cut = static_cast<float>(sorted.score(k - 1)),
                      .ties = ties,
                      .value_ranges = {}};
    std::copy_n(ranges_, kValueColumns, keys.value_ranges);
    const Accumulated exact = accumulate(keys, NumberFormat::kF64, Summation::kPairwise);
    double* to = measured_.data() + row * kCases * kMeasured;
    for (const NumberFormat format : kNumberFormats) {
      // Half a unit in the last place, in the binade of the sum; steps of int8 do not depend on it.
      const bool integer = format == NumberFormat::kInt8;
      const double half = half_unit(format) * (integer ? 1.0 : std::exp2(std::floor(std::log2(exact.total))));
      for (const Summation summation : kSummations) {
        if (!differs(format, summation)) continue;
        const Accumulated sum = accumulate(keys, format, summation);
        to[kVisible] = static_cast<double>(sorted.above(half));
        to[kLost] = sum.lost;
        to[kLostMass] = sum.lost_weight / exact.total;
        to[kLostPosition] = sum.lost_position;
        to[kLostLargest] = sum.lost_largest / exact.total;
        to[kTotal] = sum.total / exact.total;
        to[kOutputError] = distance(sum.output, exact.output);
        to += kMeasured;
      }
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

  void finish() override {
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
          keys +=
              static_cast<double>(common_.source.causal ? RowSource::token(common_.source, r) + 1 : common_.source.n) /
              rows;
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
  Buffer<double> weights_;            // of the row at hand, per thread
  Buffer<double> measured_;           // (rows, kCases, kMeasured)
};

}  // namespace

std::unique_ptr<Experiment> make_precision(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Precision>(input, pool);
}

}  // namespace heed
