// E15: does the error of sparse attention grow through many layers? One kind of block (block_stack.hpp); a table row
// per layer, means over the repeats.
//
//   error         of the layer's output, relative, all layers up to here sparse     (errorError between repeats)
//   growth        error over that of the layer before                               NaN where that is 0
//   localError    the same where only this layer is sparse
//   accumulated   error over sqrt(sum of localError^2 of the layers so far): 1 where errors only add up, as independent
//                 vectors do; less where what follows forgets them, more where it amplifies them
//   effective, entropyShare, dropped    of the exact rows, heads averaged     cosine   of two tokens: 1 is rank 1
#include "simulate/block_stack.hpp"
#include "simulate/estimate.hpp"
#include "simulate/protocols.hpp"

namespace heed {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

class Depth final : public Experiment {
 public:
  Depth(const ExperimentInput& input, TaskPool& pool)
      : Experiment(
            "norm:pre|post,residual:no|yes,mlp:no|yes,sparsify:all|alternate,estimator:renormalized|compensated,layer,"
            "sparse:no|yes,n,keep,effective,entropyShare,dropped,cosine,sparseCosine,error,errorError,growth,"
            "localError,accumulated",
            pool) {
    Parameters parameters(input.numbers, input.count);
    common_ = CommonParameters::read(parameters, input.q, input.k);
    options_.source = common_.source;
    options_.source.n = parameters.count();
    options_.heads = parameters.count();
    options_.layers = parameters.count();
    options_.keep = parameters.count();
    options_.epsilon = parameters.number();
    options_.compensated = parameters.flag();
    options_.pre_norm = !parameters.flag();
    options_.residual = parameters.flag();
    options_.mlp = parameters.flag();
    options_.alternate = parameters.flag();
    if (!whole(parameters)) return;
    reports_.resize(common_.repeats * options_.layers);
    if (!stack_.reserve(options_, pool))
      status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the simulation; take a smaller n");
  }

  std::size_t units() const noexcept override { return common_.repeats * stack_.units(); }

  void run(Range units) override {
    for (std::size_t unit = units.begin; unit < units.end;) {
      const std::size_t repeat = unit / stack_.units(), start = repeat * stack_.units();
      const std::size_t stop = std::min(units.end, start + stack_.units());
      if (unit == start) stack_.begin(common_.source.seed + repeat);
      stack_.run({unit - start, stop - start});
      unit = stop;
      if (unit != start + stack_.units()) continue;
      for (std::size_t i = 0; i < options_.layers; ++i) reports_[repeat * options_.layers + i] = stack_.report(i);
    }
    if (units.end == this->units() && units.begin < units.end) finish();
  }

 private:
  template <class Pick>
  Estimate of(std::size_t layer, Pick&& pick) const noexcept {
    return over_repeats(common_.repeats,
                        [&](std::size_t repeat) { return pick(reports_[repeat * options_.layers + layer]); });
  }

  void finish() override {
    double before = 0.0, locals = 0.0;
    for (std::size_t layer = 0; layer < options_.layers; ++layer) {
      const auto mean = [&](double LayerReport::* which) {
        return of(layer, [which](const LayerReport& report) { return report.*which; });
      };
      const Estimate error = mean(&LayerReport::error);
      const double local = mean(&LayerReport::local).mean;
      locals += local * local;
      row({options_.pre_norm ? 0.0 : 1.0, options_.residual ? 1.0 : 0.0, options_.mlp ? 1.0 : 0.0,
           options_.alternate ? 1.0 : 0.0, options_.compensated ? 1.0 : 0.0, static_cast<double>(layer + 1),
           BlockStack::sparse(options_, layer) ? 1.0 : 0.0, static_cast<double>(options_.source.n),
           static_cast<double>(options_.keep), mean(&LayerReport::effective).mean, mean(&LayerReport::entropy).mean,
           mean(&LayerReport::dropped).mean, mean(&LayerReport::cosine).mean, mean(&LayerReport::sparse_cosine).mean,
           error.mean, error.error, before > 0.0 ? error.mean / before : kNone, local, error.mean / std::sqrt(locals)});
      before = error.mean;
    }
  }

  CommonParameters common_;
  BlockOptions options_;
  BlockStack stack_;
  std::vector<LayerReport> reports_;  // (repeats, layers)
};

}  // namespace

std::unique_ptr<Experiment> make_depth(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Depth>(input, pool);
}

}  // namespace heed
