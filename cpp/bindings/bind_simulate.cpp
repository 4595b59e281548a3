// The JavaScript face of simulate/ and of the closed forms that are drawn over it.
#include "bindings/runtime.hpp"
#include "simulate/collapse.hpp"
#include "theory/gaussian.hpp"

namespace heed::bindings {
namespace {

/// Field for field `RawCollapseOptions` in web/src/runtime/raw.ts.
struct JsCollapseOptions {
  std::uint32_t n, head_dim, rows;
  int weights;
  std::uint32_t rank;
  double seed;
  Address epsilon;
  std::uint32_t epsilons;
  Address effective, sigma;

  CollapseOptions options() const noexcept {
    return {n,
            head_dim,
            rows,
            static_cast<CollapseWeights>(weights),
            rank,
            static_cast<std::uint64_t>(seed),
            at<const double>(epsilon),
            epsilons,
            at<double>(effective),
            at<double>(sigma)};
  }
};

Job<CollapsePoint>* make_collapse(const JsCollapseOptions& js) { return new Job<CollapsePoint>(js.options()); }

}  // namespace

EMSCRIPTEN_BINDINGS(simulate) {
  using namespace emscripten;
  value_object<JsCollapseOptions>("CollapseOptions")
      .field("n", &JsCollapseOptions::n)
      .field("headDim", &JsCollapseOptions::head_dim)
      .field("rows", &JsCollapseOptions::rows)
      .field("weights", &JsCollapseOptions::weights)
      .field("rank", &JsCollapseOptions::rank)
      .field("seed", &JsCollapseOptions::seed)
      .field("epsilon", &JsCollapseOptions::epsilon)
      .field("epsilons", &JsCollapseOptions::epsilons)
      .field("effective", &JsCollapseOptions::effective)
      .field("sigma", &JsCollapseOptions::sigma);
  bind_job("CollapseJob", &make_collapse);
  function("gaussianIneffectiveShare", &gaussian_ineffective_share);
}

}  // namespace heed::bindings
