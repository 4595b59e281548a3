// E3: a fixed window against k = alpha n^C at the same cost. One kind of scores; a row per way of counting cost and C.
//
// Costs (theory/alignment.hpp): at the middle length alone, over all lengths of a prefill, over all of decoding. Errors
// are measured at every length, then averaged over the lengths with equal weight, or the largest is taken ("worst").
// Nothing decides in advance who wins: a difference counts when it exceeds kErrors standard errors of the two numbers,
// otherwise the row says "equal".
#include "simulate/protocols.hpp"
#include "theory/alignment.hpp"

namespace heed {
namespace {

constexpr double kErrors = 2.0;
constexpr Cost kCosts[] = {Cost::kOneLength, Cost::kPrefill, Cost::kDecode};

// Over the lengths.
struct Summary {
  double mean = 0.0, worst = 0.0;
  double mean_error = 0.0, worst_error = 0.0;
};

enum class Winner { kEqual, kFixed, kDynamic };

double winner(double fixed, double fixed_error, double dynamic, double dynamic_error) noexcept {
  const double least = kErrors * std::hypot(fixed_error, dynamic_error);
  if (std::abs(fixed - dynamic) <= least) return static_cast<double>(Winner::kEqual);
  return static_cast<double>(fixed < dynamic ? Winner::kFixed : Winner::kDynamic);
}

class EqualCostSweep final : public Experiment {
 public:
  EqualCostSweep(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "scores:sigma|gamma|identity,value,alignment:oneLength|prefill|decode,exponent,alpha,fixedCost,dynamicCost,"
            "fixedL2,dynamicL2,fixedWorstL2,dynamicWorstL2,fixedDropped,dynamicDropped,fixedWorstDropped,"
            "dynamicWorstDropped,winnerL2:equal|fixed|dynamic,winnerWorstL2:equal|fixed|dynamic,"
            "winnerDropped:equal|fixed|dynamic,winnerWorstDropped:equal|fixed|dynamic",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    kind_ = parameters.number();
    value_ = parameters.number();
    for (const double n : parameters.list()) lengths_.push_back(static_cast<std::uint32_t>(n));
    fixed_ = parameters.number();
    exponents_ = parameters.list();
    align();
    for (const std::uint32_t n : lengths_) {
      StudyRequest request{.source = common_.source, .keep = rules_};
      request.source.n = n;
      if (kind_ == 0.0) request.source.sigma = value_;
      if (kind_ == 1.0) request.source.sigma = value_ * std::sqrt(2.0 * std::log(static_cast<double>(n)));
      if (kind_ == 2.0) request.source.weights = Weights::kIdentity;
      add(request, common_.repeats);
    }
    ready(parameters);
  }

 private:
  // Rule 0 is the fixed window; then one rule per cost and exponent.
  void align() {
    rules_.push_back({KeepKind::kConstant, fixed_});
    if (lengths_.empty()) return;
    const std::uint32_t middle = lengths_[lengths_.size() / 2];
    for (const Cost cost : kCosts)
      for (const double exponent : exponents_) {
        const bool one = cost == Cost::kOneLength;
        const Alignment alignment =
            align_cost(one ? &middle : lengths_.data(), one ? 1 : lengths_.size(), cost, fixed_, exponent, 1, 0);
        alignments_.push_back(alignment);
        rules_.push_back({KeepKind::kPower, exponent, alignment.alpha});
      }
  }

  Summary over_lengths(std::size_t rule, Kept which) const {
    Summary all;
    const auto count = static_cast<double>(lengths_.size());
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
      const Average here = average(i * common_.repeats, common_.repeats,
                                   [=](const StudyResult& r) -> const Column& { return r.kept(rule, which); });
      all.mean += here.mean / count;
      all.mean_error += here.error * here.error / (count * count);
      if (i == 0 || here.mean > all.worst) {
        all.worst = here.mean;
        all.worst_error = here.error;
      }
    }
    all.mean_error = std::sqrt(all.mean_error);
    return all;
  }

  void finish() override {
    const Summary fixed_l2 = over_lengths(0, Kept::kL2), fixed_dropped = over_lengths(0, Kept::kDropped);
    for (std::size_t i = 0; i < alignments_.size(); ++i) {
      const Summary l2 = over_lengths(i + 1, Kept::kL2), dropped = over_lengths(i + 1, Kept::kDropped);
      row({kind_, value_, static_cast<double>(i / exponents_.size()), rules_[i + 1].value, alignments_[i].alpha,
           alignments_[i].target, alignments_[i].cost, fixed_l2.mean, l2.mean, fixed_l2.worst, l2.worst,
           fixed_dropped.mean, dropped.mean, fixed_dropped.worst, dropped.worst,
           winner(fixed_l2.mean, fixed_l2.mean_error, l2.mean, l2.mean_error),
           winner(fixed_l2.worst, fixed_l2.worst_error, l2.worst, l2.worst_error),
           winner(fixed_dropped.mean, fixed_dropped.mean_error, dropped.mean, dropped.mean_error),
           winner(fixed_dropped.worst, fixed_dropped.worst_error, dropped.worst, dropped.worst_error)});
    }
  }

  CommonParameters common_;
  double kind_ = 0.0, value_ = 0.0, fixed_ = 0.0;
  std::vector<std::uint32_t> lengths_;
  std::vector<double> exponents_;
  std::vector<KeepRule> rules_;
  std::vector<Alignment> alignments_;
};

}  // namespace

std::unique_ptr<Experiment> make_equal_cost(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<EqualCostSweep>(input, pool);
}

}  // namespace heed
