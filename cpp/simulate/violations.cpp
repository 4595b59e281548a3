// E9: what is left of n^C when the assumptions on the input are broken? One input and strength; one row over all
// lengths.
//
//   exponent    C of the least-squares line of ln k on ln n, k the fewest entries with tau <= mass, averaged over rows
//   exponentL2  the same for l2 <= target
//   tightness   mean l2 over mean upper bound of l2 at k = ceil(sqrt n), at the largest n: 1 is a bound that is
//   reached, also
//               where nothing is dropped
#include "simulate/protocols.hpp"
#include "theory/calibration.hpp"

namespace heed {
namespace {

class Violations final : public Experiment {
 public:
  Violations(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "strength,sigma,mass,exponent,exponentError,keepShortest,keepLongest,shareLongest,target,exponentL2,"
            "exponentL2Error,l2Longest,droppedLongest,tightness,violations",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    lengths_ = parameters.list();
    mass_ = parameters.number();
    target_ = parameters.number();
    for (const double n : lengths_) {
      StudyRequest request{
          .source = common_.source, .keep = {{KeepKind::kPower, 0.5}}, .masses = {mass_}, .targets = {target_}};
      request.source.n = static_cast<std::size_t>(n);
      add(request, common_.repeats);
    }
    ready(parameters);
  }

 private:
  template <class Pick>
  double at(std::size_t length, Pick&& pick) const {
    return average(length * common_.repeats, common_.repeats, pick).mean;
  }

  void finish() override {
    std::vector<double> for_mass, for_l2;
    double outside = 0.0;
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
      for_mass.push_back(at(i, [](const StudyResult& r) -> const Column& { return r.for_mass(0); }));
      for_l2.push_back(at(i, [](const StudyResult& r) -> const Column& { return r.for_l2(0); }));
      outside += total(i * common_.repeats, common_.repeats, 0, Kept::kViolated);
    }
    const FittedLaw mass = fit_law(lengths_.data(), for_mass.data(), lengths_.size());
    const FittedLaw l2 = fit_law(lengths_.data(), for_l2.data(), lengths_.size());
    const std::size_t last = lengths_.size() - 1;
    const auto kept = [&](Kept which) {
      return at(last, [=](const StudyResult& r) -> const Column& { return r.kept(0, which); });
    };
    const double sigma = mean(last * common_.repeats, common_.repeats, [](const StudyResult& r) { return r.sigma; });
    row({common_.source.strength, sigma, mass_, mass.exponent, mass.standard_error, for_mass[0], for_mass[last],
         for_mass[last] / lengths_[last], target_, l2.exponent, l2.standard_error, kept(Kept::kL2),
         kept(Kept::kDropped), kept(Kept::kMostL2) > 0.0 ? kept(Kept::kL2) / kept(Kept::kMostL2) : 1.0, outside});
  }

  CommonParameters common_;
  std::vector<double> lengths_;
  double mass_ = 0.1, target_ = 0.1;
};

}  // namespace

std::unique_ptr<Experiment> make_violations(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Violations>(input, pool);
}

}  // namespace heed
