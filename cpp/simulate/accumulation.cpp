#include "simulate/accumulation.hpp"

namespace heed {
namespace {

constexpr std::size_t kSums = kValueColumns + 1;  // the last one is the sum of weights
constexpr std::size_t kWeights = kValueColumns;

/// The keys one by one, as the format has them.
class Terms {
 public:
  Terms(const WeightedKeys& keys, NumberFormat format, const Rounding& round) noexcept
      : keys_(keys), integer_(format == NumberFormat::kInt8), round_(round) {}

  void make(std::size_t key, double weight, double* x) const noexcept {
    const float* value = keys_.values + key * kValueColumns;
    const double narrow = integer_ ? std::nearbyint(127.0 * weight) / 127.0 : round_(weight);
    for (std::size_t c = 0; c < kValueColumns; ++c) {
      const double step = double{keys_.value_ranges[c]} / 127.0;
      const double v = integer_ ? std::nearbyint(double{value[c]} / step) * step : round_(double{value[c]});
      x[c] = round_(narrow * v);
    }
    x[kWeights] = narrow;
  }

 private:
  const WeightedKeys& keys_;
  bool integer_;
  const Rounding& round_;
};

void lose(Accumulated& all, const WeightedKeys& keys, std::size_t key, double weight) noexcept {
  all.lost += 1.0;
  all.lost_weight += weight;
  all.lost_position += (static_cast<double>(key) + 0.5) / static_cast<double>(keys.count);
  all.lost_largest = std::max(all.lost_largest, weight);
}

void finish(Accumulated& all, const double* sums, const Rounding& round) noexcept {
  all.total = sums[kWeights];
  for (std::size_t c = 0; c < kValueColumns; ++c) all.output[c] = all.total == 0.0 ? 0.0 : round(sums[c] / all.total);
}

Accumulated in_order(const WeightedKeys& keys, NumberFormat format, bool compensated, bool best) noexcept {
  const Rounding round(format);
  const Terms terms(keys, format, round);
  Accumulated all;
  double sums[kSums] = {}, carry[kSums] = {}, x[kSums];
  std::size_t ties = keys.ties;
  for (std::size_t j = 0; j < keys.count; ++j) {
    const double weight = keys.weights[j];
    if (best) {
      const bool kept = keys.scores[j] > keys.cut || (keys.scores[j] == keys.cut && ties > 0);
      if (kept && keys.scores[j] == keys.cut) --ties;
      if (!kept) {
        lose(all, keys, j, weight);
        continue;
      }
    }
    terms.make(j, weight, x);
    const double before = sums[kWeights], carried = carry[kWeights];
    for (std::size_t c = 0; c < kSums; ++c) {
      const double y = compensated ? round(x[c] - carry[c]) : x[c];
      const double sum = round(sums[c] + y);
      if (compensated) carry[c] = round(round(sum - sums[c]) - y);
      sums[c] = sum;
    }
    if (sums[kWeights] == before && carry[kWeights] == carried) lose(all, keys, j, weight);
  }
  finish(all, sums, round);
  return all;
}

/// A finished part of the tree, and what of its keys is still in its sum.
struct Part {
  double sums[kSums];
  std::size_t keys;
  double seen, weight, position, largest;  // of the keys that count
};

void forget(Accumulated& all, const Part& part) noexcept {
  all.lost += part.seen;
  all.lost_weight += part.weight;
  all.lost_position += part.position;
  all.lost_largest = std::max(all.lost_largest, part.largest);
}

Part merged(const Part& a, const Part& b, const Rounding& round, Accumulated& all) noexcept {
  Part both = a;
  for (std::size_t c = 0; c < kSums; ++c) both.sums[c] = round(a.sums[c] + b.sums[c]);
  both.keys = a.keys + b.keys;
  const bool only_a = both.sums[kWeights] == a.sums[kWeights], only_b = both.sums[kWeights] == b.sums[kWeights];
  if (only_a) forget(all, b);
  if (only_b) forget(all, a);
  both.seen = (only_b ? 0.0 : a.seen) + (only_a ? 0.0 : b.seen);
  both.weight = (only_b ? 0.0 : a.weight) + (only_a ? 0.0 : b.weight);
  both.position = (only_b ? 0.0 : a.position) + (only_a ? 0.0 : b.position);
  both.largest = std::max(only_b ? 0.0 : a.largest, only_a ? 0.0 : b.largest);
  return both;
}

Accumulated in_pairs(const WeightedKeys& keys, NumberFormat format) noexcept {
  const Rounding round(format);
  const Terms terms(keys, format, round);
  Accumulated all;
  Part stack[65];
  std::size_t depth = 0;
  for (std::size_t j = 0; j < keys.count; ++j) {
    Part& leaf = stack[depth++];
    leaf.weight = leaf.largest = keys.weights[j];
    leaf.keys = 1;
    leaf.seen = 1.0;
    leaf.position = (static_cast<double>(j) + 0.5) / static_cast<double>(keys.count);
    terms.make(j, leaf.weight, leaf.sums);
    while (depth > 1 && stack[depth - 2].keys == stack[depth - 1].keys) {
      stack[depth - 2] = merged(stack[depth - 2], stack[depth - 1], round, all);
      --depth;
    }
  }
  for (; depth > 1; --depth) stack[depth - 2] = merged(stack[depth - 2], stack[depth - 1], round, all);
  finish(all, stack[0].sums, round);
  return all;
}

}  // namespace

Accumulated accumulate(const WeightedKeys& keys, NumberFormat format, Summation summation) noexcept {
  if (summation == Summation::kPairwise) return in_pairs(keys, format);
  return in_order(keys, format, summation == Summation::kKahan, summation == Summation::kTopK);
}

}  // namespace heed
