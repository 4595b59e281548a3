// E6: how large do logits get, and do R and R' bound them? One n, one input, one W; one row.
//
//   R = scale B^2 ||W||_F    R' = scale B^2 sqrt(d) ||W||_2    bounds R f and R' f, f = sqrt(2 ln(2 n^2 / delta))
//
// DERIVED (theory/concentration.hpp): R' f holds with probability 1 - delta for bounded independent entries; R f is the
// paper's form, which needs a large stable rank. B is the largest entry that occurred. Logits of a token with itself
// are left out, as in the theorem.
#include "theory/concentration.hpp"

#include "simulate/protocols.hpp"

namespace heed {
namespace {

class Concentration final : public Experiment {
 public:
  Concentration(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "n,d,stableRank,inputBound,sigma,rootMeanSquareRadius,radius,strictRadius,largest,radiusBound,strictBound,"
            "radiusRatio,strictRatio,violated",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    StudyRequest request{.source = common_.source, .norms = true};
    request.source.n = n_ = parameters.count();
    delta_ = parameters.number();
    add(request, common_.repeats);
    ready(parameters);
  }

 private:
  void finish() override {
    const auto n = static_cast<double>(n_), d = static_cast<double>(common_.source.head_dim);
    const double scale = common_.source.sigma / std::sqrt(d), factor = concentration_factor(n, delta_);
    const auto over = [&](auto&& pick) { return mean(0, common_.repeats, pick); };
    const auto radius = [=](const StudyResult& r) {
      return scale * r.tokens.largest * r.tokens.largest * r.norms.frobenius;
    };
    const auto strict = [=](const StudyResult& r) {
      return scale * r.tokens.largest * r.tokens.largest * std::sqrt(d) * r.norms.spectral;
    };
    const auto largest = [](const StudyResult& r) { return r.scalar(Scalar::kExtreme).most; };
    row({n, d, over([](const StudyResult& r) {
           const double ratio = r.norms.frobenius / r.norms.spectral;
           return ratio * ratio;
         }),
         over([](const StudyResult& r) { return r.tokens.largest; }),
         over([](const StudyResult& r) { return r.sigma; }),
         over([=](const StudyResult& r) { return scale * r.tokens.square * r.norms.frobenius; }), over(radius),
         over(strict), over(largest), factor * over(radius), factor * over(strict),
         over([&](const StudyResult& r) { return largest(r) / (factor * radius(r)); }),
         over([&](const StudyResult& r) { return largest(r) / (factor * strict(r)); }),
         over([&](const StudyResult& r) { return largest(r) > factor * strict(r) ? 1.0 : 0.0; })});
  }

  CommonParameters common_;
  std::size_t n_ = 0;
  double delta_ = 0.05;
};

}  // namespace

std::unique_ptr<Experiment> make_concentration(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Concentration>(input, pool);
}

}  // namespace heed
