// E20: how fast does attention over n tokens tend to its limit for infinitely many (arXiv 2512.10656)? A table row per
// horizon H and n.
//
//   x_j, q ~ N(0, I_d), scores q^T A x_j, A = H G / ||G||_2 with G of independent normal entries: the horizon is H
//   error    |o_n(q) - o(q)|, mean over queries, where o_n is attention over n tokens with values x_j
//   slope    of ln error on ln n, and its standard error (between repeats; of the fit for one repeat)
//
// DERIVED, so that no large reference sample is needed: a = A^T q tilts N(0, I) to N(a, I), so o(q) = a. The variance
// of a ratio of means gives error^2 = e^{|a|^2} (d + |a|^2) / n to leading order, `predicted`, while the sums are not
// carried by their largest terms, 2 |a| < sqrt(2 ln n); NaN beyond, where the error falls more slowly. STATED there:
// n^(-1/2) for small horizons, slower the larger the horizon, logarithmic for hard maxima.
//
// Tokens are drawn once per repeat, and every n takes the first n of them: neighboring n share most of their tokens, so
// only the error between repeats is one.
#include <limits>

#include "simulate/estimate.hpp"
#include "simulate/protocols.hpp"
#include "simulate/streams.hpp"

namespace heed {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

class SampleComplexity final : public Experiment {
 public:
  SampleComplexity(const ExperimentInput& input, TaskPool& pool)
      : Experiment("d,horizon,sigma,n,error,errorError,predicted,slope,slopeError", pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    d_ = parameters.count();
    horizons_ = parameters.list();
    lengths_ = parameters.list();
    if (!whole(parameters)) return;
    cut();
    const std::size_t points = horizons_.size() * lengths_.size(), queries = common_.source.rows;
    if (!tilts_.resize(queries * d_) || !tokens_.resize(kStretch * d_) || !matrix_.resize(d_ * d_) ||
        !states_.resize(queries * horizons_.size() * (d_ + 2)) || !errors_.resize(queries * horizons_.size()) ||
        !means_.resize(common_.repeats * points))
      status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the simulation; take fewer rows");
  }

  // Per repeat one unit for its weights and queries, one per stretch of tokens.
  std::size_t units() const noexcept override { return common_.repeats * (1 + stretches_.size()); }

  void run(Range units) override {
    for (std::size_t unit = units.begin; unit < units.end; ++unit) {
      const std::size_t repeat = unit / (1 + stretches_.size()), place = unit % (1 + stretches_.size());
      if (place == 0)
        begin(repeat);
      else
        absorb(repeat, stretches_[place - 1]);
    }
    if (units.end == this->units() && units.begin < units.end) finish();
  }

 private:
  static constexpr std::size_t kStretch = 256, kMostDimension = 256;
  /// Tokens of a unit; `length` is the number of the n that they complete, or none.
  struct Stretch {
    Range tokens;
    std::size_t length;
  };

  // At every n and every kStretch tokens.
  void cut() {
    std::size_t token = 0;
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
      const auto end = static_cast<std::size_t>(lengths_[i]);
      while (token < end) {
        const std::size_t stop = std::min(token + kStretch, end);
        stretches_.push_back({{token, stop}, stop == end ? i : lengths_.size()});
        token = stop;
      }
    }
  }

  void begin(std::size_t repeat) noexcept {
    const std::uint64_t seed = common_.source.seed + repeat;
    CounterRandom(seed, kQueryWeightStream).fill_normal(0, d_ * d_, matrix_.data());
    const double norm = spectral_norm();
    // The tilts for H = 1: G^T q / ||G||_2.
    std::fill_n(tilts_.data(), tilts_.size(), 0.0);
    for (std::size_t i = 0; i < common_.source.rows; ++i)
      for (std::size_t r = 0; r < d_; ++r) {
        float q = 0.0f;
        CounterRandom(seed, kStartStream).fill_normal(i * d_ + r, 1, &q);
        for (std::size_t c = 0; c < d_; ++c) tilts_[i * d_ + c] += double{q} * double{matrix_[r * d_ + c]} / norm;
      }
    std::fill_n(states_.data(), states_.size(), 0.0);
    for (std::size_t i = 0; i < common_.source.rows * horizons_.size(); ++i) states_[i * (d_ + 2)] = -INFINITY;
  }

  // ||G||_2 by power iteration on G^T G from a vector with a part in every direction, to some 1e-6.
  double spectral_norm() const noexcept {
    double x[kMostDimension], y[kMostDimension], norm = 0.0;
    for (std::size_t c = 0; c < d_; ++c) x[c] = 1.0 + 0.5 * std::sin(static_cast<double>(c));
    for (int step = 0; step < 300; ++step) {
      double length = 0.0;
      for (std::size_t c = 0; c < d_; ++c) length += x[c] * x[c];
      std::fill_n(y, d_, 0.0);
      for (std::size_t r = 0; r < d_; ++r)
        for (std::size_t c = 0; c < d_; ++c) y[r] += double{matrix_[r * d_ + c]} * x[c] / std::sqrt(length);
      norm = 0.0;
      for (std::size_t r = 0; r < d_; ++r) norm += y[r] * y[r];
      std::fill_n(x, d_, 0.0);
      for (std::size_t r = 0; r < d_; ++r)
        for (std::size_t c = 0; c < d_; ++c) x[c] += double{matrix_[r * d_ + c]} * y[r];
    }
    return std::sqrt(norm);
  }

  void absorb(std::size_t repeat, const Stretch& stretch) {
    const std::uint64_t seed = common_.source.seed + repeat;
    CounterRandom(seed, kTokenStream)
        .fill_normal(stretch.tokens.begin * d_, stretch.tokens.size() * d_, tokens_.data());
    pool_.run({0, common_.source.rows}, [&](std::size_t query, std::size_t) { add(query, stretch); });
    if (stretch.length == lengths_.size()) return;
    const std::size_t queries = common_.source.rows;
    for (std::size_t h = 0; h < horizons_.size(); ++h) {
      double sum = 0.0;
      for (std::size_t query = 0; query < queries; ++query) sum += errors_[query * horizons_.size() + h];
      means_[(repeat * horizons_.size() + h) * lengths_.size() + stretch.length] = sum / static_cast<double>(queries);
    }
  }

  // State of a query and horizon: the largest score, the sum of e^(s - largest), and that sum of the tokens.
  void add(std::size_t query, const Stretch& stretch) noexcept {
    const double* tilt = tilts_.data() + query * d_;
    double scores[kStretch];
    for (std::size_t j = 0; j < stretch.tokens.size(); ++j) {
      scores[j] = 0.0;
      for (std::size_t c = 0; c < d_; ++c) scores[j] += tilt[c] * double{tokens_[j * d_ + c]};
    }
    for (std::size_t h = 0; h < horizons_.size(); ++h) {
      double* state = states_.data() + (query * horizons_.size() + h) * (d_ + 2);
      double highest = state[0];
      for (std::size_t j = 0; j < stretch.tokens.size(); ++j) highest = std::max(highest, horizons_[h] * scores[j]);
      const double kept = std::exp(state[0] - highest);
      for (std::size_t c = 1; c < d_ + 2; ++c) state[c] *= kept;
      state[0] = highest;
      for (std::size_t j = 0; j < stretch.tokens.size(); ++j) {
        const double weight = std::exp(horizons_[h] * scores[j] - highest);
        state[1] += weight;
        for (std::size_t c = 0; c < d_; ++c) state[2 + c] += weight * double{tokens_[j * d_ + c]};
      }
      double squares = 0.0;
      for (std::size_t c = 0; c < d_; ++c) {
        const double off = state[2 + c] / state[1] - horizons_[h] * tilt[c];
        squares += off * off;
      }
      errors_[query * horizons_.size() + h] = std::sqrt(squares);
    }
  }

  struct Line {
    double slope, error;
  };
  /// Least squares of ln error on ln n.
  Line line(std::size_t repeat, std::size_t h) const noexcept {
    const double* errors = means_.data() + (repeat * horizons_.size() + h) * lengths_.size();
    const auto count = static_cast<double>(lengths_.size());
    double x = 0.0, y = 0.0, xx = 0.0, xy = 0.0, yy = 0.0;
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
      x += std::log(lengths_[i]) / count;
      y += std::log(errors[i]) / count;
    }
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
      const double a = std::log(lengths_[i]) - x, b = std::log(errors[i]) - y;
      xx += a * a;
      xy += a * b;
      yy += b * b;
    }
    const double slope = xy / xx, rest = std::max(0.0, yy - slope * xy);
    return {slope, count > 2.0 ? std::sqrt(rest / (count - 2.0) / xx) : kNone};
  }

  // Tilts of the last repeat stand for all.
  double predicted(double horizon, double n) const noexcept {
    double sum = 0.0;
    const auto queries = static_cast<double>(common_.source.rows);
    for (std::size_t query = 0; query < common_.source.rows; ++query) {
      const double squares = horizon * horizon * squared_tilt(query);
      if (2.0 * std::sqrt(squares) >= std::sqrt(2.0 * std::log(n))) return kNone;
      sum += std::sqrt(std::exp(squares) * (static_cast<double>(d_) + squares) / n) / queries;
    }
    return sum;
  }

  double squared_tilt(std::size_t query) const noexcept {
    double squares = 0.0;
    for (std::size_t c = 0; c < d_; ++c) squares += tilts_[query * d_ + c] * tilts_[query * d_ + c];
    return squares;
  }

  void finish() override {
    double variance = 0.0;  // of a score at H = 1
    for (std::size_t query = 0; query < common_.source.rows; ++query)
      variance += squared_tilt(query) / static_cast<double>(common_.source.rows);
    for (std::size_t h = 0; h < horizons_.size(); ++h) {
      Estimate fitted = over_repeats(common_.repeats, [&](std::size_t repeat) { return line(repeat, h).slope; });
      if (common_.repeats == 1) fitted.error = line(0, h).error;
      for (std::size_t i = 0; i < lengths_.size(); ++i) {
        const Estimate error = over_repeats(common_.repeats, [&](std::size_t repeat) {
          return means_[(repeat * horizons_.size() + h) * lengths_.size() + i];
        });
        row({static_cast<double>(d_), horizons_[h], horizons_[h] * std::sqrt(variance), lengths_[i], error.mean,
             error.error, predicted(horizons_[h], lengths_[i]), fitted.mean, fitted.error});
      }
    }
  }

  CommonParameters common_;
  std::size_t d_ = 0;
  std::vector<double> horizons_, lengths_;  // lengths rise
  std::vector<Stretch> stretches_;
  Buffer<float> matrix_;   // G, (d, d)
  Buffer<double> tilts_;   // (queries, d): A^T q for H = 1
  Buffer<float> tokens_;   // (kStretch, d)
  Buffer<double> states_;  // (queries, horizons, d + 2)
  Buffer<double> errors_;  // (queries, horizons)
  Buffer<double> means_;   // (repeats, horizons, lengths)
};

}  // namespace

std::unique_ptr<Experiment> make_sample_complexity(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<SampleComplexity>(input, pool);
}

}  // namespace heed
