// The JavaScript face of topk/ and sparse/: selection, and attention over the keys that rank first.
#include <optional>

#include "bindings/budgets.hpp"
#include "bindings/runtime.hpp"
#include "sparse/topk_search.hpp"
#include "topk/select.hpp"

namespace heed::bindings {
namespace {

/// Field for field `RawTopKOptions` in web/src/runtime/raw.ts.
struct JsTopKOptions {
  Address budgets;
  std::uint32_t budget_count;
  int estimator;
  int denominator;
  Address dropped, bound, kept, indices, offsets;
  Address single_gap, head_aware, blockwise, output_error, logit_error;
  bool only_count;

  TopKOptions options(const JsBudgets& read) const noexcept {
    return {.budget = read.first(),
            .estimator = static_cast<Estimator>(estimator),
            .dropped = at<float>(dropped),
            .bound = at<float>(bound),
            .kept = at<std::uint32_t>(kept),
            .indices = at<std::uint32_t>(indices),
            .offsets = at<const std::uint32_t>(offsets),
            .head_budgets = read.of_heads(),
            .certificates = {at<float>(single_gap), at<float>(head_aware), at<float>(blockwise),
                             at<float>(output_error), at<float>(logit_error)},
            .denominator = static_cast<Denominator>(denominator),
            .only_count = only_count};
  }
};

/// A search, and the budgets that it refers to.
class TopKWork {
 public:
  TopKWork(const AttentionProblem& problem, const JsTopKOptions& options, TaskPool& pool) {
    if (!budgets_.read(options.budgets, options.budget_count))
      status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the budgets of the heads");
    else
      status_ = search_.emplace(problem, options.options(budgets_), pool).status();
  }

  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept { return search_ ? search_->units() : 0; }
  void run(Range units) { search_->run(units); }

 private:
  Status status_;
  JsBudgets budgets_;
  std::optional<TopKSearch> search_;
};

Job<TopKWork>* make_topk(const JsProblem& js, const JsTopKOptions& options) {
  return new Job<TopKWork>(js.problem(), options);
}

double topk_offsets(const JsProblem& js, const JsTopKOptions& options, Address offsets) {
  constexpr double kTooMany = -1.0, kNotKnown = -2.0;
  const AttentionProblem problem = js.problem();
  auto* const totals = at<std::uint32_t>(offsets);
  JsBudgets budgets;
  if (!validate(problem).ok() || !budgets.read(options.budgets, options.budget_count)) return kTooMany;
  const TopKOptions wanted = options.options(budgets);
  if (!entries_known(problem, wanted)) return kNotKnown;
  if (!write_offsets(problem, wanted, totals)) return kTooMany;
  return totals[problem.shape.batch * problem.shape.queries * problem.shape.heads];
}

double counted_offsets(Address kept, std::uint32_t rows, Address offsets) {
  auto* const totals = at<std::uint32_t>(offsets);
  return write_offsets(at<const std::uint32_t>(kept), rows, totals) ? totals[rows] : -1.0;
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
      .field("budgets", &JsTopKOptions::budgets)
      .field("budgetCount", &JsTopKOptions::budget_count)
      .field("estimator", &JsTopKOptions::estimator)
      .field("denominator", &JsTopKOptions::denominator)
      .field("dropped", &JsTopKOptions::dropped)
      .field("bound", &JsTopKOptions::bound)
      .field("kept", &JsTopKOptions::kept)
      .field("indices", &JsTopKOptions::indices)
      .field("offsets", &JsTopKOptions::offsets)
      .field("singleGap", &JsTopKOptions::single_gap)
      .field("headAware", &JsTopKOptions::head_aware)
      .field("blockwise", &JsTopKOptions::blockwise)
      .field("outputError", &JsTopKOptions::output_error)
      .field("logitError", &JsTopKOptions::logit_error)
      .field("onlyCount", &JsTopKOptions::only_count);
  bind_job("TopKJob", &make_topk);
  function("topKOffsets", &topk_offsets);
  function("countedOffsets", &counted_offsets);
  function("selectTopK", &select_topk_js);
  function("windowLaw", &window_law);
}

}  // namespace heed::bindings
