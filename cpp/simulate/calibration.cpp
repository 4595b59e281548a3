// E11: can alpha and C be found on short texts and used on long ones? Fitted on the lengths up to a quarter of the
// longest, judged at half of it and at the longest; one row per way of fitting (theory/calibration.hpp) and length.
//
//   needed     fewest entries with tau <= mass, averaged over rows    predicted   alpha n^C
//   error      predicted / needed - 1                                 overrun     the part computed in vain
#include "theory/calibration.hpp"

#include "simulate/protocols.hpp"

namespace heed {
namespace {

class Calibration final : public Experiment {
 public:
  Calibration(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "method:theory|fit|grid,alpha,exponent,exponentError,n,mass,needed,neededError,predicted,error,overrun",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    lengths_ = parameters.list();
    mass_ = parameters.number();
    for (const double n : lengths_) {
      StudyRequest request{.source = common_.source, .masses = {mass_}};
      request.source.n = static_cast<std::size_t>(n);
      add(request, common_.repeats);
    }
    ready(parameters);
  }

 private:
  void finish() override {
    std::vector<double> sigma;
    std::vector<double> needed;
    std::vector<double> errors;
    double longest = 0.0;
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
      const Average need = average(i * common_.repeats, common_.repeats,
                                   [](const StudyResult& r) -> const Column& { return r.for_mass(0); });
      needed.push_back(need.mean);
      errors.push_back(need.error);
      sigma.push_back(mean(i * common_.repeats, common_.repeats, [](const StudyResult& r) { return r.sigma; }));
      longest = std::max(longest, lengths_[i]);
    }
    std::vector<double> seen, seen_need, seen_sigma;
    for (std::size_t i = 0; i < lengths_.size(); ++i)
      if (lengths_[i] <= longest / 4.0) {
        seen.push_back(lengths_[i]);
        seen_need.push_back(needed[i]);
        seen_sigma.push_back(sigma[i]);
      }
    const FittedLaw laws[] = {theory_law(seen.data(), seen_sigma.data(), seen.size(), mass_),
                              fit_law(seen.data(), seen_need.data(), seen.size()),
                              grid_law(seen.data(), seen_need.data(), seen.size())};
    for (std::size_t method = 0; method < 3; ++method)
      for (std::size_t i = 0; i < lengths_.size(); ++i) {
        if (lengths_[i] <= longest / 4.0) continue;
        const FittedLaw& law = laws[method];
        const double predicted = std::min(lengths_[i], law.alpha * std::pow(lengths_[i], law.exponent));
        const double error = predicted / needed[i] - 1.0;
        row({static_cast<double>(method), law.alpha, law.exponent, law.standard_error, lengths_[i], mass_, needed[i],
             errors[i], predicted, error, std::max(0.0, error)});
      }
  }

  CommonParameters common_;
  std::vector<double> lengths_;
  double mass_ = 0.1;
};

}  // namespace

std::unique_ptr<Experiment> make_calibration(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Calibration>(input, pool);
}

}  // namespace heed
