// E5: in which of its ways has attention collapsed? One n and one source; one row.
//
// What is measured (entropy, participation, entries above epsilon, largest and own weight) beside what
// theory/regimes.hpp says for the measured sigma and the measured mean of a token's score with itself.
#include "theory/regimes.hpp"

#include "simulate/protocols.hpp"

namespace heed {
namespace {

class Regimes final : public Experiment {
 public:
  Regimes(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "n,regime:dispersion|selfCollapse|condensation|frozen,gamma,sigma,ownScore,entropy,entropyShare,"
            "entropyPredicted,participation,participationPredicted,epsilon,effective,largest,self,selfPredicted,"
            "crossover",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    StudyRequest request{.source = common_.source};
    request.source.n = n_ = parameters.count();
    // sigma = gamma sqrt(2 ln n), the scaling of the random energy model.
    const double gamma = parameters.number();
    if (gamma > 0.0) request.source.sigma = gamma * std::sqrt(2.0 * std::log(static_cast<double>(n_)));
    request.thresholds = {epsilon_ = parameters.number()};
    add(request, common_.repeats);
    ready(parameters);
  }

 private:
  void finish() override {
    const auto n = static_cast<double>(n_);
    const auto of = [&](Scalar which) {
      return average(0, common_.repeats, [=](const StudyResult& r) -> const Column& { return r.scalar(which); }).mean;
    };
    const double sigma = mean(0, common_.repeats, [](const StudyResult& r) { return r.sigma; });
    const double effective =
        average(0, common_.repeats, [](const StudyResult& r) -> const Column& { return r.effective(0); }).mean;
    const double own = of(Scalar::kOwn) - of(Scalar::kScore) / of(Scalar::kPairs);
    const RegimeOfRow said = regime_of_row(n, sigma, common_.source.self ? own : -INFINITY);
    row({n, static_cast<double>(said.regime), said.gamma, sigma, own, of(Scalar::kEntropy),
         of(Scalar::kEntropy) / std::log(n), said.entropy, of(Scalar::kParticipation), said.participation, epsilon_,
         effective, of(Scalar::kLargest), of(Scalar::kSelf), said.self_weight, said.crossover});
  }

  CommonParameters common_;
  std::size_t n_ = 0;
  double epsilon_ = 0.0;
};

}  // namespace

std::unique_ptr<Experiment> make_regimes(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Regimes>(input, pool);
}

}  // namespace heed
