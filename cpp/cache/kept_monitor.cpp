#include "cache/kept_monitor.hpp"

#include <functional>
#include <limits>

#include "base/heap_sort.hpp"

namespace heed {
namespace {

// A sum of weights in floats is off by less of itself (simd/exp.hpp, 96 roundings).
constexpr double kRounding = 1e-5;
// An error of a score beyond it says nothing of any mass.
constexpr double kMost = 300.0;
// Student's distribution with 95 degrees of freedom, two-sided 99 %.
constexpr double kSpan = 2.64;

enum Number { kLse, kDropped, kEntropy, kEffective, kSeen, kFewest };

struct Interval {
  double value, least, most;
};

// Of numbers that are none nothing is known.
void put(double* to, Number number, Interval x) noexcept {
  if (std::isnan(x.value) || std::isnan(x.least) || std::isnan(x.most)) x.value = x.least = x.most = NAN;
  x.least = std::min(x.least, x.most);
  to[3 * number] = std::clamp(x.value, x.least, x.most);
  to[3 * number + 1] = x.least;
  to[3 * number + 2] = x.most;
}

// mass / (1 - mass) times `factor`.
double with_odds(double mass, double factor) noexcept {
  return factor == 1.0 ? mass : mass * factor / (mass * factor + (1.0 - mass));
}

// How many of the largest weights add up to `wanted`: parts of the list by pivots, largest first. Changes their order.
double fewest(float* weights, std::size_t count, double wanted) noexcept {
  std::size_t first = 0, last = count;
  while (last - first > 32) {
    const float a = weights[first], b = weights[first + (last - first) / 2], c = weights[last - 1];
    const float pivot = std::max(std::min(a, b), std::min(std::max(a, b), c));
    std::size_t above = first, below = last;
    double more = 0.0;
    for (std::size_t i = first; i < below;) {
      if (weights[i] > pivot) {
        more += double{weights[i]};
        std::swap(weights[above++], weights[i++]);
      } else if (weights[i] < pivot) {
        std::swap(weights[i], weights[--below]);
      } else {
        ++i;
      }
    }
    const double equal = double{pivot} * static_cast<double>(below - above);
    if (more >= wanted) {
      last = above;
    } else if (more + equal >= wanted) {
      return static_cast<double>(above) + std::ceil((wanted - more) / double{pivot});
    } else {
      wanted -= more + equal;
      first = below;
    }
  }
  heap_sort(weights + first, weights + last, std::greater<>());
  while (first < last && wanted > 0.0) wanted -= double{weights[first++]};
  return static_cast<double>(first);
}

// p above e^(s - lse): how many of the kept scores exceed a mark.
double count_above(const float* scores, std::size_t count, double mark) noexcept {
  return static_cast<double>(std::count_if(scores, scores + count, [&](float s) { return double{s} > mark; }));
}

// Wilson's interval of a share, `hits` of `count` seen.
Interval wilson(double hits, double count) noexcept {
  const double share = hits / count, z2 = kSpan * kSpan / count;
  const double middle = (share + z2 / 2.0) / (1.0 + z2);
  const double half = kSpan / (1.0 + z2) * std::sqrt(share * (1.0 - share) / count + z2 / (4.0 * count));
  return {share, std::max(0.0, middle - half), middle + half};
}

double binary_entropy(double p) noexcept {
  return p <= 0.0 || p >= 1.0 ? 0.0 : -p * std::log(p) - (1.0 - p) * std::log1p(-p);
}

// A row some of whose scores were skipped, and what follows from its sums.
class Skipped {
 public:
  // `sorted`: room for the kept scores.
  Skipped(const SkippedRow& row, float* sorted) noexcept : row_(row), sorted_(sorted) {
    std::copy_n(row.kept, row.count, sorted);
    heap_sort(sorted, sorted + row.count, std::greater<>());
    best_ = double{sorted[0]};
    for (std::size_t i = 0; i < row.count; ++i) {
      const double x = double{sorted[i]} - best_, w = std::exp(x);
      kept_ += w;
      kept_x_ += w == 0.0 ? 0.0 : w * x;
    }
    others_ = static_cast<double>(row.visible - row.count);
    slack_ = kRounding + row.score_error < kMost ? kRounding + row.score_error : kMost;
    heaviest_ = std::exp(std::min(row.highest + slack_ - best_, 700.0));
    // Nothing may be known of it.
    const double most =
        row.most < 1e300 ? std::min(row.most, others_ * heaviest_) : std::min(1e300, others_ * heaviest_);
    tail_ = {0.0, row.known * (1.0 - kRounding), most * (1.0 + kRounding)};
    tail_.value = (tail_.least + tail_.most) / 2.0;
    if (row.sampled != 0) take_sample();
    lse_ = {log_of(tail_.value), log_of(tail_.least) - slack_, log_of(tail_.most) + slack_};
    total_ = {kept_ + tail_.value, kept_ + tail_.least, kept_ + tail_.most};
  }

  const Interval& lse() const noexcept { return lse_; }

  Interval dropped() const noexcept {
    const auto of = [&](double tail) { return tail / (kept_ + tail); };
    return {of(tail_.value), with_odds(of(tail_.least), std::exp(-2.0 * slack_)),
            with_odds(of(tail_.most), std::exp(2.0 * slack_))};
  }

  Interval entropy() const noexcept {
    const Interval pi = dropped();
    const double inner = std::log(kept_) - kept_x_ / kept_, most = std::log(std::max(1.0, others_));
    const double least = tail_.least > 0.0 ? std::max(0.0, std::log(tail_.least / heaviest_)) : 0.0;
    const auto of = [&](double p, double tail) { return binary_entropy(p) + (1.0 - p) * inner + p * tail; };
    const double peak = std::clamp(others_ / (others_ + std::exp(inner)), pi.least, pi.most);
    const double all = std::log(static_cast<double>(row_.visible));
    Interval h{0.0, std::min(of(pi.least, least), of(pi.most, least)) * std::exp(-2.0 * slack_) - kRounding,
               std::min(all, of(peak, most) * std::exp(2.0 * slack_) + kRounding)};
    h.least = std::max(0.0, h.least);
    h.value = (h.least + h.most) / 2.0;
    if (row_.sampled == 0 || !(mean_w_ > 0.0)) return h;
    // ln Z - sum w x / Z with the mean of x in T, under w, to within its standard error.
    const double n = static_cast<double>(row_.sampled), mean = mean_wx_ / mean_w_;
    double squares = 0.0;
    each_sampled([&](double x, double w) { squares += w * (x - mean) * w * (x - mean); });
    const double half = sampled_all() ? 0.0 : kSpan * std::sqrt(squares / (n - 1.0) / n) / mean_w_;
    const auto with = [&](double tail, double x) {
      return std::log(kept_ + tail) - (kept_x_ + tail * x) / (kept_ + tail);
    };
    Interval sampled{with(tail_.value, mean), h.most, h.least};
    for (const double tail : {tail_.value, tail_.least, tail_.most}) {
      sampled.least = std::min(sampled.least, with(tail, mean + half) - slack_);
      sampled.most = std::max(sampled.most, with(tail, mean - half) + slack_);
    }
    return {sampled.value, std::max(h.least, sampled.least), std::min(h.most, sampled.most)};
  }

  Interval above(double epsilon) const noexcept {
    const double mark = std::log(epsilon);
    const auto kept = [&](double lse) { return count_above(sorted_, row_.count, mark + lse); };
    Interval count{kept(lse_.value), kept(lse_.most + slack_), kept(lse_.least - slack_)};
    // Of the others: none where none is so heavy, and fewer than would weigh as much as all of them.
    double most = std::min(others_, std::floor(tail_.most / (epsilon * total_.least) * std::exp(2.0 * slack_)));
    if (heaviest_ <= epsilon * total_.least * std::exp(-2.0 * slack_)) most = 0.0;
    if (row_.sampled == 0) {
      count.most += most;
      count.value = (count.least + count.most) / 2.0;
      return count;
    }
    const auto share = [&](double lse) {
      double hits = 0.0;
      each_sampled([&](double x, double) { hits += x + best_ > mark + lse ? 1.0 : 0.0; });
      if (sampled_all()) return Interval{hits / others_, hits / others_, hits / others_};
      return wilson(hits, static_cast<double>(row_.sampled));
    };
    count.value += std::min(most, others_ * share(lse_.value).value);
    count.least += std::floor(std::min(most, others_ * share(lse_.most + slack_).least));
    count.most += std::min(most, others_ * share(lse_.least - slack_).most);
    return count;
  }

  Interval fewest(double mass) const noexcept {
    const double share = 1.0 - mass, n = static_cast<double>(row_.visible);
    // Kept tokens that are enough for a sum; more than all of them where none are.
    const auto enough = [&](double wanted) {
      double sum = 0.0;
      for (std::size_t i = 0; i < row_.count; ++i)
        if ((sum += std::exp(double{sorted_[i]} - best_)) >= wanted) return static_cast<double>(i + 1);
      return n;
    };
    const double grow = std::exp(2.0 * slack_), kept = static_cast<double>(row_.count);
    Interval k{0.0, 1.0, enough(share * total_.most * grow)};
    k.value = k.most;
    const bool best_kept = row_.highest <= double{sorted_[row_.count - 1]};
    const double needed = share * total_.least / grow;
    if (best_kept)
      k.least = needed <= kept_ ? enough(needed) : std::min(n, kept + std::ceil((needed - kept_) / heaviest_));
    if (row_.sampled == 0) return k;
    // What the sample's heaviest tokens, each for its share of the others, add to the kept ones.
    float heaviest[kTailSample];
    std::copy_n(row_.sample->scores, row_.sampled, heaviest);
    heap_sort(heaviest, heaviest + row_.sampled, std::greater<>());
    const double size = static_cast<double>(row_.sampled);
    k.value = enough(share * total_.value);
    bool estimated = k.value < n || kept == n, sure = false;
    double sum = 0.0, squares = 0.0;
    for (double i = 1.0; i <= size; ++i) {
      const double w = std::exp(double{heaviest[static_cast<std::size_t>(i) - 1]} - best_);
      sum += w;
      squares += w * w;
      const double part = others_ * sum / size;
      const double spread = std::sqrt(std::max(0.0, squares - sum * sum / size) / (size - 1.0) / size);
      const double half = sampled_all() ? 0.0 : kSpan * others_ * spread;
      const Interval of_all = sampled_all() ? Interval{i / size, i / size, i / size} : wilson(i, size);
      if (kept_ + part + half < needed) k.least = std::max(k.least, std::floor(others_ * of_all.least));
      if (!estimated && kept_ + part >= share * total_.value) {
        k.value = std::min(n, kept + others_ * of_all.value);
        estimated = true;
      }
      if (!sure && kept_ + part - half >= share * total_.most * grow) {
        k.most = std::min(k.most, kept + std::ceil(others_ * of_all.most));
        sure = true;
      }
    }
    return k;
  }

 private:
  double log_of(double tail) const noexcept { return best_ + std::log(kept_ + tail); }
  bool sampled_all() const noexcept { return static_cast<double>(row_.sampled) >= others_; }

  // visit(x, e^x) with x relative to the best kept score.
  template <class Visit>
  void each_sampled(Visit&& visit) const noexcept {
    for (std::size_t i = 0; i < row_.sampled; ++i) {
      const double x = double{row_.sample->scores[i]} - best_;
      visit(x, std::exp(x));
    }
  }

  void take_sample() noexcept {
    const double n = static_cast<double>(row_.sampled);
    double squares = 0.0;
    each_sampled([&](double x, double w) {
      mean_w_ += w / n;
      mean_wx_ += w == 0.0 ? 0.0 : w * x / n;
    });
    each_sampled([&](double, double w) { squares += (w - mean_w_) * (w - mean_w_); });
    const double cv = sampled_all() || mean_w_ == 0.0 ? 0.0 : std::sqrt(squares / (n - 1.0) / n) / mean_w_;
    const double value = others_ * mean_w_, span = std::exp(std::min(kSpan * cv + kRounding, 700.0));
    tail_ = {value, std::max(tail_.least, value / span), std::min(tail_.most, value * span)};
    tail_.value = std::clamp(value, std::min(tail_.least, tail_.most), tail_.most);
    tail_.least = std::min(tail_.least, tail_.value);
  }

  const SkippedRow& row_;
  float* sorted_;
  double best_ = 0.0, kept_ = 0.0, kept_x_ = 0.0, others_ = 0.0, slack_ = 0.0, heaviest_ = 0.0;
  double mean_w_ = 0.0, mean_wx_ = 0.0;
  Interval tail_ = {}, lse_ = {}, total_ = {};
};

}  // namespace

bool KeptMonitor::prepare(std::size_t tokens, std::size_t threads) noexcept {
  if (!wanted()) return true;
  tokens_ = round_up(tokens, kDecodeChunk);
  chunks_ = tokens_ / kDecodeChunk;
  const CheckedSize weights = checked_product({tokens_, threads});
  return weights.fits && weights_.resize(weights.value) && references_.resize(chunks_ * threads) &&
         moments_.resize(chunks_ * threads);
}

void KeptMonitor::spoiled(std::size_t place) noexcept {
  if (wanted()) std::fill_n(numbers(place), kKeptMonitored, std::numeric_limits<double>::quiet_NaN());
}

void KeptMonitor::scored(const ScoredRow& row, std::size_t place, std::size_t thread) noexcept {
  if (!wanted()) return;
  double* const to = numbers(place);
  std::fill_n(to, kKeptMonitored, 0.0);
  if (row.visible == 0) return;
  float* const weights = weights_.data() + thread * tokens_;
  float* const references = references_.data() + thread * chunks_;
  simd::WeighedMoments* const moments = moments_.data() + thread * chunks_;
  std::copy_n(row.scores, row.visible, weights);
  if (row.band > 0.0) {
    // A score that was not kept is no higher than one that was.
    const float least = row.count == 0 ? simd::kInfinity : *std::min_element(row.kept, row.kept + row.count);
    for (std::size_t j = 0; j < row.visible; ++j) weights[j] = std::min(weights[j], least);
    for (std::size_t i = 0; i < row.count; ++i) weights[row.indices[i]] = row.kept[i];
  }
  const std::size_t chunks = (row.visible + kDecodeChunk - 1) / kDecodeChunk;
  for (std::size_t c = 0; c < chunks; ++c) {
    float* const part = weights + c * kDecodeChunk;
    const std::size_t size = std::min(kDecodeChunk, row.visible - c * kDecodeChunk);
    references[c] = *std::max_element(part, part + size);
    moments[c] = simd::kernel_weigh_moments(part, size, references[c] == -simd::kInfinity ? 0.0f : references[c]);
  }
  const WeighedView view({weights, references, moments, 1, chunks, row.visible});
  if (view.spoiled || !std::isfinite(row.band)) return spoiled(place);
  if (view.all.seen == 0.0) return;

  const double b = row.band == 0.0 ? 0.0 : row.band + kRounding, grow = std::exp(2.0 * std::min(b, kMost)),
               lse = view.lse();
  const double all = view.all.weight, seen = view.all.seen;
  double kept = 0.0;
  for (std::size_t i = 0; i < row.count; ++i) kept += std::exp(double{row.kept[i]} - view.highest);
  const double dropped = row.count >= row.visible ? 0.0 : std::clamp(1.0 - kept / all, 0.0, 1.0);
  const double tail = dropped * all, rest = all - tail;
  const double slack = b == 0.0 ? 0.0 : kRounding, entropy = view.entropy();
  const auto moved = [&](double by) { return by == 0.0 ? lse : view.highest + std::log(rest + tail * std::exp(by)); };
  put(to, kLse, {lse, moved(-b) - slack, moved(b) + slack});
  put(to, kDropped,
      {dropped, with_odds(std::max(0.0, dropped - slack), 1.0 / grow),
       with_odds(std::min(1.0, dropped + slack), grow)});
  put(to, kEntropy, {entropy, entropy / grow - slack, std::min(std::log(seen), entropy * grow + slack)});
  const auto counted = [&](double epsilon) {
    const double mark = std::log(epsilon) + lse - view.highest;
    const double value = view.count_above(mark);
    if (b == 0.0) return Interval{value, value, value};
    return Interval{value, view.count_above(mark + 2.0 * b), view.count_above(mark - 2.0 * b)};
  };
  put(to, kEffective, counted(options_.epsilon));
  put(to, kSeen, counted(kHalfUlp));

  for (std::size_t j = 0; j < row.visible; ++j) weights[j] = static_cast<float>(view.weight(j));
  const auto enough = [&](double mass) {
    return mass <= 0.0 ? seen : fewest(weights, row.visible, (1.0 - mass) * all);
  };
  const double k = enough(options_.mass);
  put(to, kFewest,
      b == 0.0 ? Interval{k, k, k}
               : Interval{k, enough(with_odds(options_.mass, grow)), enough(with_odds(options_.mass, 1.0 / grow))});
}

void KeptMonitor::skipped(const SkippedRow& row, std::size_t place, std::size_t thread) noexcept {
  if (!wanted()) return;
  double* const to = numbers(place);
  std::fill_n(to, kKeptMonitored, 0.0);
  if (row.count == 0) return;
  const Skipped known(row, weights_.data() + thread * tokens_);
  put(to, kLse, known.lse());
  put(to, kDropped, known.dropped());
  put(to, kEntropy, known.entropy());
  put(to, kEffective, known.above(options_.epsilon));
  put(to, kSeen, known.above(kHalfUlp));
  put(to, kFewest, known.fewest(options_.mass));
}

}  // namespace heed
