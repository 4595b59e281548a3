// E4: do o(log n) entries leave an error that does not vanish? One n; a row per rule k = constant, c ln n, sqrt(ln n),
// ln ln n.
//
//   scaled = mean of l2 sqrt(k)    least = mean of tau <= scaled <= most = mean of sqrt(tau^2 e^Delta + tau (1 - tau))
//
// DERIVED (simulate/sorted_row.hpp): the two bounds hold for every row; `violations` counts rows outside of them.
#include "simulate/protocols.hpp"

namespace heed {
namespace {

class Necessity final : public Experiment {
 public:
  Necessity(const ExperimentInput& input, TaskPool& pool)
      : Experiment("n,rule:constant|power|log|sqrtLog|logLog,value,k,l2,dropped,scaled,least,most,violations", pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    StudyRequest request{.source = common_.source};
    request.source.n = n_ = parameters.count();
    for (const double k : parameters.list()) request.keep.push_back({KeepKind::kConstant, k});
    for (const double factor : parameters.list()) request.keep.push_back({KeepKind::kLog, factor});
    request.keep.push_back({KeepKind::kSqrtLog});
    request.keep.push_back({KeepKind::kLogLog});
    rules_ = request.keep;
    add(request, common_.repeats);
    ready(parameters);
  }

 private:
  void finish() override {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      const auto of = [&](Kept which) {
        return average(0, common_.repeats, [=](const StudyResult& r) -> const Column& { return r.kept(i, which); })
            .mean;
      };
      const double k = of(Kept::kEntries), root = std::sqrt(k);
      const double violations = total(0, common_.repeats, i, Kept::kViolated);
      row({static_cast<double>(n_), static_cast<double>(rules_[i].kind), rules_[i].value, k, of(Kept::kL2),
           of(Kept::kDropped), of(Kept::kL2) * root, of(Kept::kLeastL2) * root, of(Kept::kMostL2) * root, violations});
    }
  }

  CommonParameters common_;
  std::size_t n_ = 0;
  std::vector<KeepRule> rules_;
};

}  // namespace

std::unique_ptr<Experiment> make_necessity(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Necessity>(input, pool);
}

}  // namespace heed
