// E7: how many entries does a row need as its weights grow? One n and one gain g, W multiplied by g; one row.
//
//   keep: fewest entries with tau <= mass, its share k / n beside Phi_c(sigma + Phi^-1(mass)), for the measured sigma
//   keepL2: fewest entries with l2 <= target
//
// The closed form is for 2 sigma < sqrt(2 ln n) = limit (theory/gaussian.hpp); `applies` says whether that holds.
#include "simulate/protocols.hpp"
#include "theory/gaussian.hpp"

namespace heed {
namespace {

class Gain final : public Experiment {
 public:
  Gain(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "n,gain,sigma,rootMeanSquareRadius,limit,applies:no|yes,mass,keep,keepError,share,closedShare,target,"
            "keepL2,"
            "keepL2Error",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    StudyRequest request{.source = common_.source, .norms = true};
    request.source.n = n_ = parameters.count();
    gain_ = parameters.number();
    request.source.sigma *= gain_;
    request.masses = {mass_ = parameters.number()};
    request.targets = {target_ = parameters.number()};
    common_.source = request.source;
    add(request, common_.repeats);
    ready(parameters);
  }

 private:
  void finish() override {
    const auto n = static_cast<double>(n_);
    const double sigma = mean(0, common_.repeats, [](const StudyResult& r) { return r.sigma; });
    const double scale = common_.source.sigma / std::sqrt(static_cast<double>(common_.source.head_dim));
    // Without W, sigma is all there is.
    const bool has_weights = common_.source.weights != Weights::kNone && common_.source.weights != Weights::kGiven;
    const double radius = has_weights
                              ? mean(0, common_.repeats,
                                     [=](const StudyResult& r) { return scale * r.tokens.square * r.norms.frobenius; })
                              : sigma;
    const double limit = std::sqrt(2.0 * std::log(n));
    const Average keep =
        average(0, common_.repeats, [](const StudyResult& r) -> const Column& { return r.for_mass(0); });
    const Average for_l2 =
        average(0, common_.repeats, [](const StudyResult& r) -> const Column& { return r.for_l2(0); });
    const double length = average(0, common_.repeats, [](const StudyResult& r) -> const Column& {
                            return r.scalar(Scalar::kLength);
                          }).mean;
    row({n, gain_, sigma, radius, limit, 2.0 * sigma < limit ? 1.0 : 0.0, mass_, keep.mean, keep.error,
         keep.mean / length, gaussian_keep_share(mass_, sigma), target_, for_l2.mean, for_l2.error});
  }

  CommonParameters common_;
  std::size_t n_ = 0;
  double gain_ = 1.0, mass_ = 0.1, target_ = 0.1;
};

}  // namespace

std::unique_ptr<Experiment> make_gain(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Gain>(input, pool);
}

}  // namespace heed
