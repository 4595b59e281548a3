// E2: is n^C entries enough? One n; a row per rule k = constant, n^C, ln n, sqrt(ln n), with every metric of the error
// of the renormalized top-k row:
//
//   l2             mean row l2 (l2Error its standard error, l2Worst the largest row)           m1
//   spectral       (1 / n) ||P_k - P||_2 over all n rows, on request                          m2
//   frobenius      (1 / n) ||P_k - P||_F = sqrt(mean l2^2 / n)                                m3
//   dropped        mean tau, the total variation (droppedWorst the largest row)               m4
//   largestError   largest l-infinity                                                         m5
//   outputError    ||P_k V - P V||_F / ||P V||_F, on request                                  m6
//
// closedL2 and closedDropped are those of theory/gaussian.hpp for the measured sigma. The two-sided bound of
// simulate/sorted_row.hpp holds for every row; `violations` counts the rows where it does not.
// What was not asked for is NaN.
#include <limits>

#include "simulate/output_error.hpp"
#include "simulate/protocols.hpp"
#include "simulate/spectral_error.hpp"
#include "theory/gaussian.hpp"

namespace heed {
namespace {

constexpr double kNotAsked = std::numeric_limits<double>::quiet_NaN();

class Sufficiency final : public Experiment {
 public:
  Sufficiency(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "n,d,rule:constant|power|log|sqrtLog|logLog,value,k,l2,l2Error,l2Worst,dropped,droppedWorst,largestError,"
            "frobenius,spectral,outputError,closedL2,closedDropped,violations,sigma",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    StudyRequest request{.source = common_.source};
    request.source.n = parameters.count();
    for (const double k : parameters.list()) request.keep.push_back({KeepKind::kConstant, k});
    for (const double exponent : parameters.list()) request.keep.push_back({KeepKind::kPower, exponent});
    request.keep.push_back({KeepKind::kLog, 1.0});
    request.keep.push_back({KeepKind::kSqrtLog});
    const bool output = parameters.flag(), spectral = parameters.flag();
    common_.source = request.source;
    rules_ = request.keep;
    if (output) {
      output_ = std::make_unique<OutputError>();
      request.visitor = output_.get();
    }
    // The output of the first repeat only: a visitor knows one source.
    add(request, 1);
    request.visitor = nullptr;
    ++request.source.seed;
    add(request, common_.repeats - 1);
    ready(parameters);
    if (!status_.ok()) return;
    if (spectral) spectral_ = std::make_unique<SpectralError>();
    if ((output_ && !output_->reserve(common_.source, rules_, pool.threads())) ||
        (spectral_ && !spectral_->reserve(common_.source, rules_, pool)))
      need(false);
  }

  // First the values, then the norms, then the studies.
  std::size_t units() const noexcept override { return before() + Experiment::units(); }

  void run(Range units) override {
    const std::size_t values = output_ ? output_->units() : 0, start = before();
    if (units.begin < values)
      pool_.run({units.begin, std::min(units.end, values)},
                [this](std::size_t unit, std::size_t thread) { output_->fill(unit, thread); });
    if (spectral_ && units.begin < start && units.end > values)
      spectral_->run({std::max(units.begin, values) - values, std::min(units.end, start) - values});
    if (units.end > start) Experiment::run({std::max(units.begin, start) - start, units.end - start});
  }

 private:
  std::size_t before() const noexcept {
    return (output_ ? output_->units() : 0) + (spectral_ ? spectral_->units() : 0);
  }

  void finish() override {
    const auto n = static_cast<double>(common_.source.n);
    const double sigma = mean(0, common_.repeats, [](const StudyResult& r) { return r.sigma; });
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      const auto of = [&](Kept which) {
        return average(0, common_.repeats, [=](const StudyResult& r) -> const Column& { return r.kept(i, which); });
      };
      const double k = of(Kept::kEntries).mean;
      const Average l2 = of(Kept::kL2), dropped = of(Kept::kDropped);
      const double frobenius = std::sqrt(mean(0, common_.repeats,
                                              [=](const StudyResult& r) {
                                                const Column& column = r.kept(i, Kept::kL2);
                                                return column.mean * column.mean + column.deviation * column.deviation;
                                              }) /
                                         n);
      row({n, static_cast<double>(common_.source.head_dim), static_cast<double>(rules_[i].kind), rules_[i].value, k,
           l2.mean, l2.error, l2.most, dropped.mean, dropped.most, of(Kept::kLargestError).most, frobenius,
           spectral_ ? spectral_->norm(i) : kNotAsked, output_ ? output_->relative(i) : kNotAsked,
           gaussian_row_error(n, std::min(k, n), sigma), gaussian_dropped_mass(n, std::min(k, n), sigma),
           total(0, common_.repeats, i, Kept::kViolated), sigma});
    }
  }

  CommonParameters common_;
  std::vector<KeepRule> rules_;
  std::unique_ptr<OutputError> output_;
  std::unique_ptr<SpectralError> spectral_;
};

}  // namespace

std::unique_ptr<Experiment> make_sufficiency(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Sufficiency>(input, pool);
}

}  // namespace heed
