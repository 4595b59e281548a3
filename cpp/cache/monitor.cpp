#include "cache/monitor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heed {
namespace {

constexpr double kHalfUlp = 0x1p-25;

// Scores below the largest by less than kBins / kBinsPerUnit are counted in bins; the others weigh less than e^-32.
constexpr std::size_t kBins = 2048;
constexpr double kBinsPerUnit = 64.0;

std::size_t count_above(const float* scores, std::size_t count, float threshold) noexcept {
  std::size_t above = 0;
  for (std::size_t j = 0; j < count; ++j) above += scores[j] > threshold ? 1 : 0;
  return above;
}

// Entries and their weight by how far their score is below the largest.
struct Bins {
  std::uint32_t entries[kBins] = {};
  double weight[kBins] = {};

  void add(double x, double w) noexcept {
    const double at = -x * kBinsPerUnit;
    if (!(at < static_cast<double>(kBins))) return;
    ++entries[static_cast<std::size_t>(at)];
    weight[static_cast<std::size_t>(at)] += w;
  }
  // The fewest entries, in whole bins, that leave out at most `mass` of `sum`.
  std::size_t fewest(double sum, double mass, std::size_t most) const noexcept {
    double kept = 0.0;
    std::size_t total = 0;
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      kept += weight[bin];
      total += entries[bin];
      if (kept >= (1.0 - mass) * sum) return total;
    }
    return most;
  }
};

}  // namespace

CacheMonitor::CacheMonitor(const KvCache& cache, const DecodeProblem& problem, const MonitorOptions& options,
                           TaskPool& pool)
    : cache_(cache),
      problem_(problem),
      options_(options),
      pool_(pool),
      status_(validate(cache, problem)),
      scores_(cache_, problem_) {
  if (!status_.ok()) return;
  stride_ = round_up(scores_.shape().keys, kDecodeChunk);
  const CheckedSize size = checked_product({scores_.shape().kv_heads, scores_.most_rows(), stride_});
  if (!size.fits || !scores_.prepare() || !formed_.resize(size.value))
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the scores");
}

void CacheMonitor::run(Range units) {
  const AttentionShape& shape = scores_.shape();
  const std::size_t chunks = (shape.keys + kDecodeChunk - 1) / kDecodeChunk;
  for (std::size_t unit = units.begin; unit < units.end; ++unit) {
    scores_.start({unit * kDecodeQueries, std::min((unit + 1) * kDecodeQueries, problem_.queries)});
    pool_.run({0, shape.kv_heads * chunks}, [&](std::size_t i, std::size_t) {
      const std::size_t g = i / chunks, first = i % chunks * kDecodeChunk;
      float* const to = formed_.data() + g * scores_.most_rows() * stride_ + first;
      scores_.form(g, {first, std::min(first + kDecodeChunk, shape.keys)}, to, stride_);
    });
    pool_.run({0, shape.kv_heads * scores_.rows()},
              [&](std::size_t i, std::size_t) { look(i / scores_.rows(), i % scores_.rows()); });
  }
}

void CacheMonitor::look(std::size_t g, std::size_t row) noexcept {
  const AttentionShape& shape = scores_.shape();
  const std::size_t query = scores_.query_of(row), end = shape.end(query), n = shape.visible(query);
  const float* const scores = formed_.data() + (g * scores_.most_rows() + row) * stride_;
  double* const out = options_.out + (query * shape.heads + scores_.head_of(g, row)) * kMonitored;
  std::fill_n(out, kMonitored, 0.0);
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t j = 0; j < end; ++j) highest = std::max(highest, double{scores[j]});
  // A row that sees nothing has nothing to tell.
  if (!std::isfinite(highest)) return;
  Bins bins;
  double sum = 0.0, weighted = 0.0, total = 0.0, squares = 0.0, sink = 0.0, seen = 0.0;
  for (std::size_t j = 0; j < end; ++j) {
    if (scores[j] == -simd::kInfinity) continue;
    const double x = double{scores[j]} - highest, w = std::exp(x);
    bins.add(x, w);
    sum += w;
    weighted += w * x;
    total += x;
    squares += x * x;
    seen += 1.0;
    if (j < options_.sinks) sink += w;
  }
  const double log_sum = std::log(sum), mean = total / seen;
  const double variance = std::max(0.0, squares / seen - mean * mean);
  const auto entries_above = [&](double epsilon) {
    return static_cast<double>(count_above(scores, end, static_cast<float>(highest + log_sum + std::log(epsilon))));
  };
  out[0] = highest + log_sum;
  out[1] = log_sum - weighted / sum;
  out[2] = entries_above(options_.epsilon);
  out[3] = entries_above(kHalfUlp);
  out[4] = sink / sum;
  out[5] = end == 0 ? 0.0 : std::exp(double{scores[end - 1]} - highest) / sum;
  out[6] = std::sqrt(variance);
  out[7] = 1.0 / sum;
  out[8] = static_cast<double>(bins.fewest(sum, options_.mass, n));
  out[9] = n > 1 ? std::clamp(1.0 - variance / (2.0 * std::log(static_cast<double>(n))), 0.0, 1.0) : 0.0;
}

}  // namespace heed
