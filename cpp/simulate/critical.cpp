// E19: the critical scale of attention (arXiv 2510.05554). Tokens of inner product rho, one attention of scale
// beta = gamma ln n without weights; do the outputs run together? One d and rho; a table row per gamma.
//
//   x_i = sqrt(rho) z_0 + sqrt(1 - rho) z_i, then |x_i| = 1, z uniform on the sphere of R^d
//   y_i = sum_j softmax_j(beta <x_i, x_j>) x_j        similarity   mean cosine of two outputs of the sampled rows
//
// STATED there, n to infinity: gamma < 1 / (1 - rho) gives 1, beyond it rho, and at it 4 rho / (1 + 3 rho).
// DERIVED: for inner products that are exactly rho at finite n, `simplex`, with the weight a of the token itself,
// b = (1 - a) / (n - 1), g = a - b and t = 1 + (n - 1) rho: (g^2 rho + r) / (g^2 + r), r = 2 g b t + b^2 n t.
//
// boundary is gamma (1 - rho) where the similarity falls through the critical value (linear between the gammas; NaN
// where it does not), its error that between repeats. `expected`, DERIVED for large d: inner products with the tokens j
// differ by (1 - rho) sqrt((1 + rho - rho^2) / d), so with x = gamma (1 - rho) the others weigh n e^(x^2 c) times
// e^(beta rho), c = (ln n)^2 (1 + rho - rho^2) / (2 d), and their mean leans towards the token itself by t = x ln n / d
// of its own direction. The outputs are critical where a + (1 - a) t = 1/2. NaN where ln n >= d / 2.
#include <limits>

#include "simulate/estimate.hpp"
#include "simulate/protocols.hpp"
#include "simulate/streams.hpp"

namespace heed {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double dot(const float* a, const float* b, std::size_t d) noexcept {
  double lanes[8] = {};
  std::size_t c = 0;
  for (; c + 8 <= d; c += 8)
    for (std::size_t l = 0; l < 8; ++l) lanes[l] += double{a[c + l]} * double{b[c + l]};
  for (; c < d; ++c) lanes[0] += double{a[c]} * double{b[c]};
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

class Critical final : public Experiment {
 public:
  Critical(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "d,rho,n,relative,gamma,similarity,similarityError,simplex,limit,critical,selfWeight,boundary,"
            "boundaryError,expected",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    d_ = parameters.count();
    rho_ = parameters.number();
    n_ = parameters.count();
    relative_ = parameters.list();
    if (!whole(parameters)) return;
    rows_ = std::min(common_.source.rows, n_);
    const CheckedSize tokens = checked_product({n_, d_});
    const CheckedSize outputs = checked_product({rows_, relative_.size(), d_ + 1});
    const CheckedSize scores = checked_product({n_, pool.threads()});
    if (!tokens.fits || !outputs.fits || !scores.fits || !tokens_.resize(tokens.value) ||
        !outputs_.resize(outputs.value) || !scores_.resize(scores.value) ||
        !similarity_.resize(common_.repeats * relative_.size()) || !self_.resize(relative_.size()))
      status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the simulation; take a smaller n");
    std::fill_n(self_.data(), self_.size(), 0.0);
  }

  // Per repeat: the tokens, the rows, and what comes of them.
  std::size_t units() const noexcept override { return common_.repeats * per_repeat(); }

  void run(Range units) override {
    for (std::size_t unit = units.begin; unit < units.end;) {
      const std::size_t repeat = unit / per_repeat(), start = repeat * per_repeat(), rows = start + stretches();
      const std::size_t stop = std::min(units.end, unit < rows ? rows : rows + rows_);
      if (unit == rows + rows_) {
        join(repeat);
        ++unit;
        continue;
      }
      pool_.run({unit - start, stop - start}, [&](std::size_t i, std::size_t thread) {
        if (i < stretches())
          make_tokens(repeat, i);
        else
          attend(i - stretches(), thread);
      });
      unit = stop;
    }
    if (units.end == this->units() && units.begin < units.end) finish();
  }

 private:
  static constexpr std::size_t kTokens = 64;
  std::size_t stretches() const noexcept { return (n_ + kTokens - 1) / kTokens; }
  std::size_t per_repeat() const noexcept { return stretches() + rows_ + 1; }
  std::size_t token(std::size_t row) const noexcept {
    return static_cast<std::size_t>(std::uint64_t{row} * n_ / rows_);
  }
  double beta(std::size_t i) const noexcept { return relative_[i] / (1.0 - rho_) * std::log(static_cast<double>(n_)); }

  // A uniform direction; the common one is number n.
  void direction(std::size_t repeat, std::size_t number, float* to) const noexcept {
    CounterRandom(common_.source.seed + repeat, kDirectionStream).fill_normal(number * d_, d_, to);
    const auto length = static_cast<float>(std::sqrt(dot(to, to, d_)));
    for (std::size_t c = 0; c < d_; ++c) to[c] /= length;
  }

  void make_tokens(std::size_t repeat, std::size_t stretch) noexcept {
    float common[kMostDimension];
    direction(repeat, n_, common);
    const auto share = static_cast<float>(std::sqrt(rho_)), own = static_cast<float>(std::sqrt(1.0 - rho_));
    for (std::size_t j = stretch * kTokens; j < std::min((stretch + 1) * kTokens, n_); ++j) {
      float* x = tokens_.data() + j * d_;
      direction(repeat, j, x);
      for (std::size_t c = 0; c < d_; ++c) x[c] = share * common[c] + own * x[c];
      const auto length = static_cast<float>(std::sqrt(dot(x, x, d_)));
      for (std::size_t c = 0; c < d_; ++c) x[c] /= length;
    }
  }

  // The outputs of one row, of length 1, and the weight of the token itself, for every gamma.
  void attend(std::size_t row, std::size_t thread) noexcept {
    const std::size_t own = token(row);
    double* scores = scores_.data() + thread * n_;
    for (std::size_t j = 0; j < n_; ++j) scores[j] = dot(tokens_.data() + own * d_, tokens_.data() + j * d_, d_);
    for (std::size_t i = 0; i < relative_.size(); ++i) {
      double y[kMostDimension] = {}, total = 0.0, squares = 0.0;
      // No score is above the own, 1, but for rounding.
      for (std::size_t j = 0; j < n_; ++j) {
        const double weight = std::exp(beta(i) * (scores[j] - 1.0));
        total += weight;
        const float* x = tokens_.data() + j * d_;
        for (std::size_t c = 0; c < d_; ++c) y[c] += weight * double{x[c]};
      }
      for (std::size_t c = 0; c < d_; ++c) squares += y[c] * y[c];
      double* to = outputs_.data() + (i * rows_ + row) * (d_ + 1);
      for (std::size_t c = 0; c < d_; ++c) to[c] = y[c] / std::sqrt(squares);
      to[d_] = std::exp(beta(i) * (scores[own] - 1.0)) / total;
    }
  }

  // Mean cosine of two different outputs: from the length of their sum.
  void join(std::size_t repeat) noexcept {
    const auto rows = static_cast<double>(rows_);
    for (std::size_t i = 0; i < relative_.size(); ++i) {
      double squares = 0.0;
      for (std::size_t c = 0; c < d_; ++c) {
        double sum = 0.0;
        for (std::size_t row = 0; row < rows_; ++row) sum += outputs_[(i * rows_ + row) * (d_ + 1) + c];
        squares += sum * sum;
      }
      similarity_[repeat * relative_.size() + i] = (squares - rows) / (rows * (rows - 1.0));
      for (std::size_t row = 0; row < rows_; ++row)
        self_[i] += outputs_[(i * rows_ + row) * (d_ + 1) + d_] / (rows * static_cast<double>(common_.repeats));
    }
  }

  double critical_value() const noexcept { return 4.0 * rho_ / (1.0 + 3.0 * rho_); }

  double boundary(std::size_t repeat) const noexcept {
    const double* similarity = similarity_.data() + repeat * relative_.size();
    for (std::size_t i = 1; i < relative_.size(); ++i) {
      const double above = similarity[i - 1] - critical_value(), below = similarity[i] - critical_value();
      if (above > 0.0 && below <= 0.0)
        return relative_[i - 1] + (relative_[i] - relative_[i - 1]) * above / (above - below);
    }
    return kNone;
  }

  double simplex(double beta) const noexcept {
    const auto n = static_cast<double>(n_);
    const double a = 1.0 / (1.0 + (n - 1.0) * std::exp(-beta * (1.0 - rho_))), b = (1.0 - a) / (n - 1.0), g = a - b;
    const double t = 1.0 + (n - 1.0) * rho_, rest = 2.0 * g * b * t + b * b * n * t;
    return (g * g * rho_ + rest) / (g * g + rest);
  }

  double expected() const noexcept {
    const double log = std::log(static_cast<double>(n_)), d = static_cast<double>(d_);
    if (2.0 * log >= d) return kNone;
    const auto own = [&](double x) {
      const double spread = x * x * log * log * (1.0 + rho_ - rho_ * rho_) / (2.0 * d);
      const double a = 1.0 / (1.0 + std::exp(log * (1.0 - x) + spread));
      return a + (1.0 - a) * x * log / d;
    };
    // It rises from 0 to 1/2 at a little more than 1, and falls far beyond, where nothing of this holds.
    double low = 0.0, high = 1.0;
    while (high < 2.0 && own(high) < 0.5) high += 0.01;
    for (int i = 0; i < 60; ++i) (own(0.5 * (low + high)) < 0.5 ? low : high) = 0.5 * (low + high);
    return high < 2.0 ? high : kNone;
  }

  void finish() override {
    const Estimate at = over_repeats(common_.repeats, [this](std::size_t repeat) { return boundary(repeat); });
    for (std::size_t i = 0; i < relative_.size(); ++i) {
      const Estimate similarity = over_repeats(
          common_.repeats, [this, i](std::size_t repeat) { return similarity_[repeat * relative_.size() + i]; });
      const double limit = relative_[i] < 1.0 ? 1.0 : relative_[i] > 1.0 ? rho_ : critical_value();
      row({static_cast<double>(d_), rho_, static_cast<double>(n_), relative_[i], relative_[i] / (1.0 - rho_),
           similarity.mean, similarity.error, simplex(beta(i)), limit, critical_value(), self_[i], at.mean, at.error,
           expected()});
    }
  }

  static constexpr std::size_t kMostDimension = 1024;

  CommonParameters common_;
  std::size_t d_ = 0, n_ = 0, rows_ = 0;
  double rho_ = 0.0;
  std::vector<double> relative_;  // gamma (1 - rho)
  Buffer<float> tokens_;          // (n, d)
  Buffer<double> scores_;         // (threads, n)
  Buffer<double> outputs_;        // (gammas, rows, d + 1)
  Buffer<double> similarity_;     // (repeats, gammas)
  Buffer<double> self_;           // (gammas)
};

}  // namespace

std::unique_ptr<Experiment> make_critical(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Critical>(input, pool);
}

}  // namespace heed
