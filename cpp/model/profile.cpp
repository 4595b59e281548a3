#include "model/profile.hpp"

#include <algorithm>
#include <cmath>

#include "cache/decode.hpp"

namespace heed {
namespace {

Status no_memory() { return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the profile"); }

// Places of cache/monitor.hpp.
constexpr std::size_t kLse = 0, kMonitorEntropy = 1, kMonitorEffective = 2, kMonitorSink = 4, kMonitorSelf = 5,
                      kMonitorSigma = 6, kMonitorExponent = 9;

}  // namespace

Status RunProfile::prepare(std::size_t tokens, double* out) {
  if (out == nullptr) return {};
  const ModelShape& shape = weights_.shape();
  const std::size_t rows = tokens * shape.heads, numbers = rows * shape.head_dim;
  if (!queries_.resize(numbers) || !outs_.resize(numbers) || !lse_.resize(rows) ||
      !monitored_.resize(rows * kMonitored) || !squares_.resize((shape.heads + shape.kv_heads) * shape.head_dim / 2))
    return no_memory();
  out_ = out;
  write_norms();
  return {};
}

void RunProfile::write_norms() noexcept {
  const ModelShape& shape = weights_.shape();
  const std::size_t pairs = shape.head_dim / 2, group = shape.heads / shape.kv_heads;
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    const float* const gain = weights_.floats(layer, ModelWeights::kInputNorm);
    // ||W^f||_F^2 of each pair of rows, the gain multiplied in.
    const auto square = [&](const WeightSlot& slot, std::size_t head, std::size_t pair) {
      double sum = 0.0;
      for (const std::size_t row : {head * shape.head_dim + pair, head * shape.head_dim + pair + pairs}) {
        const simd::WeightRows from = slot.view().from(row);
        float step[simd::kWeightStep];
        for (std::size_t c = 0; c < slot.columns; c += simd::kWeightStep) {
          simd::kernel_widen_weights(from, 1, c, simd::kWeightStep, step, simd::kWeightStep);
          for (std::size_t i = 0; i < std::min(simd::kWeightStep, slot.columns - c); ++i) {
            const double x = double{step[i]} * double{gain[c + i]};
            sum += x * x;
          }
        }
      }
      return sum;
    };
    const WeightSlot &query = *weights_.part(layer, ModelWeights::kQuery),
                     &key = *weights_.part(layer, ModelWeights::kKey);
    double *const of_queries = squares_.data(), *const of_keys = of_queries + shape.heads * pairs;
    pool_.run({0, shape.heads + shape.kv_heads}, [&](std::size_t h, std::size_t) {
      for (std::size_t f = 0; f < pairs; ++f)
        of_queries[h * pairs + f] = h < shape.heads ? square(query, h, f) : square(key, h - shape.heads, f);
    });
    for (std::size_t h = 0; h < shape.heads; ++h) {
      double sum = 0.0;
      for (std::size_t f = 0; f < pairs; ++f) sum += of_queries[h * pairs + f] * of_keys[h / group * pairs + f];
      of(layer, h)[kNorm] = shape.qk_norm ? 0.0 : shape.scale() * std::sqrt(0.5 * sum);
    }
  }
}

void RunProfile::add_inputs(std::size_t layer, double peak, double power) noexcept {
  for (std::size_t h = 0; h < weights_.shape().heads; ++h) {
    of(layer, h)[kInputPeak] = std::max(of(layer, h)[kInputPeak], peak);
    of(layer, h)[kInputPower] += power;
  }
}

Status RunProfile::add_rows(KvCache& cache, std::size_t layer, std::size_t tokens, const float* q,
                            const PolicyTable& policies, const LayerAttention::Report& told) {
  const ModelShape& shape = weights_.shape();
  const std::size_t heads = shape.heads, d = shape.head_dim;
  for (std::size_t h = 0; h < heads; ++h)
    for (std::size_t i = 0; i < tokens; ++i)
      std::copy_n(q + (h * tokens + i) * d, d, queries_.data() + (i * heads + h) * d);
  const DecodeProblem problem{.layer = layer,
                              .queries = tokens,
                              .heads = heads,
                              .q = queries_.data(),
                              .out = outs_.data(),
                              .scale = shape.scale()};
  // Without an output it monitors and does nothing else.
  DecodeProblem watched = problem;
  watched.out = nullptr;
  CacheAttention monitor(cache, watched, MonitorOptions{.out = monitored_.data()}, pool_);
  if (!monitor.status().ok()) return monitor.status();
  monitor.run({0, monitor.units()});

  for (std::size_t h = 0; h < heads; ++h) {
    const AttentionPolicy& policy = policies.at(layer, h);
    // The log-sum-exp over a window is formed once for all heads that have it one behind the other.
    if (policy.window != 0 && (h == 0 || !(policies.at(layer, h - 1) == policy))) {
      DecodeProblem windowed = problem;
      windowed.window = policy.window;
      windowed.sinks = policy.sinks;
      windowed.lse = lse_.data();
      CacheAttention work(cache, windowed, pool_);
      if (!work.status().ok()) return work.status();
      work.run({0, work.units()});
    }
    double* const sums = of(layer, h);
    for (std::size_t i = 0; i < tokens; ++i) {
      const double* const row = monitored_.data() + (i * heads + h) * kMonitored;
      const std::size_t at = h * tokens + i;
      // What the window leaves, and of that what the budget drops.
      const double seen = policy.window == 0 ? 1.0 : std::min(1.0, std::exp(double{lse_[i * heads + h]} - row[kLse]));
      sums[kRows] += 1.0;
      sums[kKept] += static_cast<double>(told.kept[at]);
      sums[kDropped] += 1.0 - (1.0 - double{told.dropped[at]}) * seen;
      sums[kBound] += 1.0 - (1.0 - double{told.bound[at]}) * seen;
      sums[kEntropy] += row[kMonitorEntropy];
      sums[kEffective] += row[kMonitorEffective];
      sums[kSigma] += row[kMonitorSigma];
      sums[kSink] += row[kMonitorSink];
      sums[kSelf] += row[kMonitorSelf];
      sums[kExponent] += row[kMonitorExponent];
    }
  }
  return {};
}

}  // namespace heed
