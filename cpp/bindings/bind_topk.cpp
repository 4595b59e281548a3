// The JavaScript face of topk/ and sparse/: selection, and attention over the keys that rank first.
#include "bindings/runtime.hpp"
#include "sparse/topk_attention.hpp"
#include "topk/select.hpp"

namespace heed::bindings {
namespace {

/// Field for field `RawTopKOptions` in web/src/runtime/raw.ts.
struct JsTopKOptions {
  std::uint32_t k;
  double alpha, exponent;
  std::uint32_t min, max;
  int estimator;
  Address dropped, bound, kept, indices, offsets;

  Budget budget() const noexcept { return {k, {alpha, exponent, min, max}}; }

  TopKOptions options() const noexcept {
    return {budget(),
            static_cast<Estimator>(estimator),
            at<float>(dropped),
            at<float>(bound),
            at<std::uint32_t>(kept),
            at<std::uint32_t>(indices),
            at<const std::uint32_t>(offsets)};
  }
};

Job<TopKAttention>* make_topk(const JsProblem& js, const JsTopKOptions& options) {
  return new Job<TopKAttention>(js.problem(), options.options());
}

double topk_offsets(const JsProblem& js, const JsTopKOptions& options, Address offsets) {
  const AttentionProblem problem = js.problem();
  auto* const totals = at<std::uint32_t>(offsets);
  if (!validate(problem).ok() || !write_offsets(problem.shape, options.budget(), totals)) return -1.0;
  return totals[problem.shape.batch * problem.shape.queries * problem.shape.heads];
}

JsStatus select_topk_js(Address scores, std::uint32_t count, std::uint32_t k, Address indices, Address values) {
  select_top_k(at<const float>(scores), count, k, at<std::uint32_t>(indices), at<float>(values));
  return {};
}

double window_law(std::uint32_t n, double alpha, double exponent, std::uint32_t min, std::uint32_t max) {
  return static_cast<double>(WindowLaw{alpha, exponent, min, max}.entries(n));
}

}  // namespace

EMSCRIPTEN_BINDINGS(topk) {
  using namespace emscripten;
  value_object<JsTopKOptions>("TopKOptions")
      .field("k", &JsTopKOptions::k)
      .field("alpha", &JsTopKOptions::alpha)
      .field("exponent", &JsTopKOptions::exponent)
      .field("min", &JsTopKOptions::min)
      .field("max", &JsTopKOptions::max)
      .field("estimator", &JsTopKOptions::estimator)
      .field("dropped", &JsTopKOptions::dropped)
      .field("bound", &JsTopKOptions::bound)
      .field("kept", &JsTopKOptions::kept)
      .field("indices", &JsTopKOptions::indices)
      .field("offsets", &JsTopKOptions::offsets);
  bind_job("TopKJob", &make_topk);
  function("topKOffsets", &topk_offsets);
  function("selectTopK", &select_topk_js);
  function("windowLaw", &window_law);
}

}  // namespace heed::bindings
