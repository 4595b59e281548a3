// E8: how best to spend a budget of kept entries over rows of mixed lengths? One text; rows that see `least` to n keys,
// evenly spread in the logarithm. A table row per budget (entries a row on average), policy and bucket of lengths.
//
//   fixed       k = setting                           window      k = setting n^C
//   topP        the fewest entries with tau <= setting
//   threshold   every p > setting: the least total tau of all policies of that cost (DERIVED, by exchange)
//   relative    every p > (setting / n) p_max: BLASST's rule, entry by entry
//
// All of them keep at least one entry, and none more than the fixed window does in total; settings are found by
// bisection. `cost` is the entries kept per row over all rows. The bucket from 0 holds all rows.
#include <iterator>

#include "simulate/protocols.hpp"
#include "simulate/row_archive.hpp"

namespace heed {
namespace {

enum class Sharing { kFixed, kWindow, kTopP, kThreshold, kRelative };
constexpr Sharing kSharings[] = {Sharing::kFixed, Sharing::kWindow, Sharing::kTopP, Sharing::kThreshold,
                                 Sharing::kRelative};
constexpr std::size_t kPolicies = std::size(kSharings);

std::size_t kept_by(Sharing sharing, double setting, double exponent, const SortedRow& row) noexcept {
  const auto n = static_cast<double>(row.size());
  switch (sharing) {
    case Sharing::kFixed:
      return WindowLaw{setting, 0.0}.entries(row.size());
    case Sharing::kWindow:
      return WindowLaw{setting, exponent}.entries(row.size());
    case Sharing::kTopP:
      return row.keep_for_mass(setting);
    case Sharing::kThreshold:
      return std::max<std::size_t>(1, row.effective(setting));
    default:
      return std::max<std::size_t>(1, row.above(setting / n));
  }
}

class PolicySweep final : public Experiment {
 public:
  PolicySweep(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "budget,policy:fixed|window|topP|threshold|relative,setting,from,to,rows,length,kept,cost,dropped,"
            "droppedWorst,l2",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    StudyRequest request{.source = common_.source, .visitor = &archive_};
    request.source.least = least_ = parameters.count();
    request.source.n = most_ = parameters.count();
    request.source.causal = true;
    budgets_ = parameters.list();
    exponent_ = parameters.number();
    add(request, 1);
    ready(parameters);
    if (status_.ok() && !archive_.reserve(request.source)) need(false);
  }

  // First the rows, then a unit per budget and policy.
  std::size_t units() const noexcept override { return Experiment::units() + budgets_.size() * kPolicies; }

  void run(Range units) override {
    const std::size_t rows = Experiment::units();
    if (units.begin < rows) Experiment::run({units.begin, std::min(units.end, rows)});
    for (std::size_t unit = std::max(units.begin, rows); unit < units.end; ++unit) share(unit - rows);
  }

 private:
  double total(Sharing sharing, double setting) const noexcept {
    double sum = 0.0;
    for (std::size_t i = 0; i < archive_.rows(); ++i)
      sum += static_cast<double>(kept_by(sharing, setting, exponent_, archive_.row(i)));
    return sum;
  }

  // The setting that keeps most, but no more than `most`. Totals fall as `few` is approached; 80 halvings of the
  // logarithm leave nothing between the two ends.
  double solve(Sharing sharing, double many, double few, double most) const noexcept {
    double a = std::log(many), b = std::log(few);
    for (int i = 0; i < 80; ++i) {
      const double middle = 0.5 * (a + b);
      (total(sharing, std::exp(middle)) > most ? a : b) = middle;
    }
    return std::exp(b);
  }

  double setting_of(Sharing sharing, double budget) const noexcept {
    const double most = total(Sharing::kFixed, budget);
    switch (sharing) {
      case Sharing::kFixed:
        return budget;
      case Sharing::kWindow:
        return solve(sharing, static_cast<double>(most_), 1e-12, most);
      case Sharing::kRelative:
        return solve(sharing, 1e-30, static_cast<double>(most_), most);
      default:
        return solve(sharing, 1e-30, 1.0, most);
    }
  }

  void add_row(double budget, Sharing sharing, double setting, double cost, double from, double to) {
    double rows = 0.0, length = 0.0, kept = 0.0, dropped = 0.0, worst = 0.0, l2 = 0.0;
    for (std::size_t i = 0; i < archive_.rows(); ++i) {
      const SortedRow each = archive_.row(i);
      const auto n = static_cast<double>(each.size());
      if (n < from || n >= to) continue;
      const std::size_t k = kept_by(sharing, setting, exponent_, each);
      rows += 1.0;
      length += n;
      kept += static_cast<double>(k);
      dropped += each.dropped(k);
      worst = std::max(worst, each.dropped(k));
      l2 += each.l2(k);
    }
    if (rows == 0.0) return;
    row({budget, static_cast<double>(sharing), setting, from, to, rows, length / rows, kept / rows, cost,
         dropped / rows, worst, l2 / rows});
  }

  void finish() override {}

  // One budget and policy.
  void share(std::size_t unit) {
    const double budget = budgets_[unit / kPolicies];
    const Sharing sharing = kSharings[unit % kPolicies];
    const double setting = setting_of(sharing, budget), all = static_cast<double>(most_) + 1.0;
    const double cost = total(sharing, setting) / static_cast<double>(archive_.rows());
    add_row(budget, sharing, setting, cost, 0.0, all);
    for (double from = static_cast<double>(least_); from < all; from *= 2.0)
      add_row(budget, sharing, setting, cost, from, std::min(all, 2.0 * from));
  }

  CommonParameters common_;
  RowArchive archive_;
  std::size_t least_ = 0, most_ = 0;
  std::vector<double> budgets_;
  double exponent_ = 0.5;
};

}  // namespace

std::unique_ptr<Experiment> make_policies(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<PolicySweep>(input, pool);
}

}  // namespace heed
