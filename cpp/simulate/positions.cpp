// E16: what do positions do to R and to the entries that a row needs? One kind of positions; a table row per offset m.
//
//   radius      scale ||W_m||_F, the R of offset m for B = 1, and the deviation of a score of independent tokens there
//   measured    that deviation over n pairs of different tokens that are turned as if they were m apart
//   average     sqrt(mean over all m < n of radius^2), one by one
//   closed      scale sqrt(1/2 sum_f ||W_Q^f||^2 ||W_K^f||^2), all phases evenly spread
//   corrected   the same with the pairs that do not come around within n, n theta_f < 2 pi, left as they are at m = 0
//   balanced    the same with the cut at n theta_f = e^(1 - gamma), which position_head.hpp derives
//   exact       the same with the phases as they are: the average, in closed form
//   bias        what the score of a key m tokens back is moved by (alibi)
//
// and over the sampled rows, which see n / 2 to n keys: sigma of all scores, entropy / ln n, and the share of the row
// that is needed for tau <= mass, beside Phi_c(sigma + Phi^-1(mass)) where scores are about Gaussian.
#include <limits>

#include "simulate/position_head.hpp"
#include "simulate/protocols.hpp"
#include "theory/gaussian.hpp"

namespace heed {
namespace {

constexpr double kNotGaussian = std::numeric_limits<double>::quiet_NaN();

class PositionSweep final : public Experiment {
 public:
  PositionSweep(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "positions:none|rope|alibi,value,n,seed,offset,radius,measured,average,closed,corrected,balanced,exact,"
            "bias,sigma,"
            "entropyShare,mass,share,shareError,closedShare",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    positions_ = parameters.code<Positions>();
    value_ = parameters.number();
    common_.source.n = parameters.count();
    offsets_ = parameters.list();
    mass_ = parameters.number();
    if (!head_.reserve(common_.source, positions_, value_, pool.threads()) || !squares_.resize(common_.source.n)) {
      need(false);
      return;
    }
    add({.source = head_.given(), .masses = {mass_}}, 1);
    ready(parameters);
    radius_.resize(offsets_.size());
    measured_.resize(offsets_.size());
  }

  // The weights; the tokens; the listed offsets; all offsets; the rows.
  std::size_t units() const noexcept override { return starts_of_rows() + Experiment::units(); }

  void run(Range units) override {
    if (units.begin == 0 && units.end > 0) head_.begin();
    each(units, 1, head_.stretches(), [this](std::size_t i, std::size_t thread) { head_.fill(i, thread); });
    each(units, 1 + head_.stretches(), offsets_.size(), [this](std::size_t i, std::size_t) { look_at(i); });
    each(units, 1 + head_.stretches() + offsets_.size(), stretches_of_offsets(),
         [this](std::size_t i, std::size_t) { square(i); });
    const std::size_t start = starts_of_rows();
    if (units.end > start) Experiment::run({std::max(units.begin, start) - start, units.end - start});
  }

 private:
  static constexpr std::size_t kOffsets = 32;
  std::size_t stretches_of_offsets() const noexcept { return (common_.source.n + kOffsets - 1) / kOffsets; }
  std::size_t starts_of_rows() const noexcept {
    return 1 + head_.stretches() + offsets_.size() + stretches_of_offsets();
  }

  /// Runs what of the `count` units from `start` on lies in `units`, numbered from 0.
  template <class Work>
  void each(Range units, std::size_t start, std::size_t count, Work&& work) {
    const std::size_t begin = std::max(units.begin, start), end = std::min(units.end, start + count);
    if (begin < end) pool_.run({begin - start, end - start}, work);
  }

  double scale() const noexcept {
    return common_.source.sigma / std::sqrt(static_cast<double>(common_.source.head_dim));
  }

  void look_at(std::size_t i) noexcept {
    radius_[i] = scale() * std::sqrt(head_.squared_at(offsets_[i]));
    measured_[i] = scale() * head_.deviation_at(offsets_[i]);
  }

  void square(std::size_t stretch) noexcept {
    const std::size_t end = std::min((stretch + 1) * kOffsets, common_.source.n);
    for (std::size_t m = stretch * kOffsets; m < end; ++m) squares_[m] = head_.squared_at(static_cast<double>(m));
  }

  void finish() override {
    double sum = 0.0;
    for (std::size_t m = 0; m < common_.source.n; ++m) sum += squares_[m];
    const auto n = static_cast<double>(common_.source.n);
    const double average = scale() * std::sqrt(sum / n);
    const StudyResult& all = result(0);
    const double length = all.scalar(Scalar::kLength).mean, keep = all.for_mass(0).mean;
    const double error = all.for_mass(0).deviation / std::sqrt(static_cast<double>(all.rows));
    for (std::size_t i = 0; i < offsets_.size(); ++i)
      row({static_cast<double>(positions_), value_, n, static_cast<double>(common_.source.seed), offsets_[i],
           radius_[i], measured_[i], average, scale() * std::sqrt(head_.closed_squared()),
           scale() * std::sqrt(head_.corrected_squared()), scale() * std::sqrt(head_.balanced_squared()),
           scale() * std::sqrt(head_.exact_squared()),
           positions_ == Positions::kLinearBias ? 0.0 - value_ * offsets_[i] : 0.0, all.sigma,
           all.scalar(Scalar::kEntropy).mean / std::log(length), mass_, keep / length, error / length,
           positions_ == Positions::kLinearBias ? kNotGaussian : gaussian_keep_share(mass_, all.sigma)});
  }

  CommonParameters common_;
  Positions positions_ = Positions::kNone;
  double value_ = 0.0, mass_ = 0.1;
  std::vector<double> offsets_, radius_, measured_;
  PositionHead head_;
  Buffer<double> squares_;  // ||W_m||_F^2, (n)
};

}  // namespace

std::unique_ptr<Experiment> make_positions(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<PositionSweep>(input, pool);
}

}  // namespace heed
