// E14: what does a wrong alpha or C cost? Rows that see `least` to n keys, evenly spread in the logarithm; a table row
// per exponent C and alpha of k = alpha n^C.
//
//   needed      fewest entries with tau <= mass, k_eps(n) of the row
//   wasted      sum of max(0, k - needed) over sum of k: the share of the work that was not needed
//   violated    share of the rows with k < needed
//   dropped     mean tau                                        cost   entries kept per row
//   ridge       the alpha at which the law goes through the needs: ln ridge = mean of (ln needed - C ln n)
//   penalty     wasted + violated          best, leastPenalty   the alpha of the grid where that is least for this C,
//   and it
//
// fitted is C of the least-squares line of ln needed on ln n over all rows: where along the ridge it is lowest.
#include "simulate/protocols.hpp"
#include "theory/calibration.hpp"

namespace heed {
namespace {

class Misfit final : public Experiment, private RowVisitor {
 public:
  Misfit(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "exponent,alpha,mass,wasted,violated,penalty,dropped,droppedWorst,cost,needed,ridge,best,leastPenalty,"
            "fitted,fittedError",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    common_.source.least = parameters.count();
    common_.source.n = parameters.count();
    common_.source.causal = true;
    alphas_ = parameters.list();
    exponents_ = parameters.list();
    mass_ = parameters.number();
    add({.source = common_.source, .visitor = this}, 1);
    ready(parameters);
    if (!status_.ok()) return;
    const std::size_t rows = common_.source.sampled(), cells = alphas_.size() * exponents_.size();
    const CheckedSize size = checked_product({rows, cells});
    if (!size.fits || !dropped_.resize(size.value) || !lengths_.resize(rows) || !needed_.resize(rows))
      status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the simulation; take fewer rows");
  }

 private:
  void visit(std::size_t row, const float*, const SortedRow& sorted, std::size_t) noexcept override {
    lengths_[row] = static_cast<double>(sorted.size());
    needed_[row] = static_cast<double>(sorted.keep_for_mass(mass_));
    double* to = dropped_.data() + row * alphas_.size() * exponents_.size();
    for (const double exponent : exponents_)
      for (const double alpha : alphas_) *to++ = sorted.dropped(WindowLaw{alpha, exponent}.entries(sorted.size()));
  }

  /// The alpha at which alpha n^C meets the needs in the mean of their logarithms.
  double ridge(double exponent) const noexcept {
    double sum = 0.0;
    for (std::size_t r = 0; r < needed_.size(); ++r) sum += std::log(needed_[r]) - exponent * std::log(lengths_[r]);
    return std::exp(sum / static_cast<double>(needed_.size()));
  }

  struct Cell {
    double wasted = 0.0, violated = 0.0, dropped = 0.0, worst = 0.0, cost = 0.0;
    double penalty() const noexcept { return wasted + violated; }
  };

  Cell cell(std::size_t exponent, std::size_t alpha) const noexcept {
    const auto rows = static_cast<double>(needed_.size());
    const std::size_t cells = alphas_.size() * exponents_.size(), place = exponent * alphas_.size() + alpha;
    const WindowLaw law{alphas_[alpha], exponents_[exponent]};
    Cell all;
    double kept = 0.0, vain = 0.0;
    for (std::size_t r = 0; r < needed_.size(); ++r) {
      const auto k = static_cast<double>(law.entries(static_cast<std::size_t>(lengths_[r])));
      const double dropped = dropped_[r * cells + place];
      kept += k;
      vain += std::max(0.0, k - needed_[r]);
      all.violated += k < needed_[r] ? 1.0 / rows : 0.0;
      all.dropped += dropped / rows;
      all.worst = std::max(all.worst, dropped);
    }
    all.wasted = vain / kept;
    all.cost = kept / rows;
    return all;
  }

  void finish() override {
    const FittedLaw fitted = fit_law(lengths_.data(), needed_.data(), needed_.size());
    double needed = 0.0;
    for (std::size_t r = 0; r < needed_.size(); ++r) needed += needed_[r] / static_cast<double>(needed_.size());
    for (std::size_t e = 0; e < exponents_.size(); ++e) {
      std::vector<Cell> cells;
      for (std::size_t a = 0; a < alphas_.size(); ++a) cells.push_back(cell(e, a));
      std::size_t best = 0;
      for (std::size_t a = 1; a < cells.size(); ++a)
        if (cells[a].penalty() < cells[best].penalty()) best = a;
      for (std::size_t a = 0; a < cells.size(); ++a) {
        const Cell& at = cells[a];
        row({exponents_[e], alphas_[a], mass_, at.wasted, at.violated, at.penalty(), at.dropped, at.worst, at.cost,
             needed, ridge(exponents_[e]), alphas_[best], cells[best].penalty(), fitted.exponent,
             fitted.standard_error});
      }
    }
  }

  CommonParameters common_;
  std::vector<double> alphas_, exponents_;
  double mass_ = 0.1;
  Buffer<double> lengths_, needed_;  // (rows)
  Buffer<double> dropped_;           // (rows, exponents, alphas)
};

}  // namespace

std::unique_ptr<Experiment> make_misfit(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Misfit>(input, pool);
}

}  // namespace heed
