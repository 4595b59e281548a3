// The JavaScript face of retrieve/: indexes over keys, and top-k attention that skips scores.
#include "bindings/runtime.hpp"
#include "retrieve/choose_search.hpp"
#include "retrieve/retrieved_attention.hpp"

namespace heed::bindings {
namespace {

/// Field for field `RawRetrievalOptions` in web/src/runtime/raw.ts.
struct JsRetrievalOptions {
  int search;
  std::uint32_t k;
  double alpha, exponent;
  std::uint32_t min, max;
  int estimator;
  bool sampled;
  double enough, seed;
  Address dropped, bound, interval, kept, indices, offsets, recall;

  Budget budget() const noexcept { return {.k = k, .law = {alpha, exponent, min, max}}; }

  RetrievalOptions options() const noexcept {
    return {.search = static_cast<Search>(search),
            .budget = budget(),
            .estimator = static_cast<Estimator>(estimator),
            .tail = sampled ? Tail::kSampled : Tail::kNone,
            .enough = enough,
            .seed = static_cast<std::uint64_t>(seed),
            .dropped = at<float>(dropped),
            .bound = at<float>(bound),
            .interval = at<float>(interval),
            .kept = at<std::uint32_t>(kept),
            .indices = at<std::uint32_t>(indices),
            .offsets = at<const std::uint32_t>(offsets),
            .recall = at<float>(recall)};
  }
};

/// Builds an index in the units of a job, then stays to be asked. The keys stay the caller's.
class IndexWork {
 public:
  IndexWork(const AttentionProblem& problem, Search search, std::uint64_t seed, TaskPool& pool)
      : problem_(problem), pool_(pool), status_(validate(problem)) {
    if (status_.ok()) status_ = index_.prepare(problem_, search, seed);
  }

  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept { return index_.build_units(); }
  void run(Range units) {
    pool_.run(units, [this](std::size_t unit, std::size_t) { index_.build(problem_, unit); });
  }
  const KeyIndex& index() const noexcept { return index_; }

 private:
  AttentionProblem problem_;
  TaskPool& pool_;
  Status status_;
  KeyIndex index_;
};

Job<IndexWork>* make_index(const JsProblem& js, int search, double seed) {
  return new Job<IndexWork>(js.problem(), static_cast<Search>(search), static_cast<std::uint64_t>(seed));
}

Job<RetrievedAttention>* make_retrieved(const JsProblem& js, const JsRetrievalOptions& options,
                                        const Job<IndexWork>* index) {
  const KeyIndex* const ready = index == nullptr ? nullptr : &index->work().index();
  return new Job<RetrievedAttention>(js.problem(), options.options(), ready);
}

double retrieved_offsets(const JsProblem& js, const JsRetrievalOptions& options, Address offsets) {
  const AttentionProblem problem = js.problem();
  if (!validate(problem).ok()) return -1.0;
  const AttentionShape& shape = problem.shape;
  const Budget budget = options.budget();
  auto* to = at<std::uint32_t>(offsets);
  std::uint64_t total = 0;
  *to++ = 0;
  for (std::size_t row = 0; row < shape.batch * shape.queries; ++row) {
    const std::size_t entries = budget.entries(shape.visible(row % shape.queries));
    for (std::size_t h = 0; h < shape.heads; ++h) {
      total += entries;
      if (total > UINT32_MAX) return -1.0;
      *to++ = static_cast<std::uint32_t>(total);
    }
  }
  return static_cast<double>(total);
}

/// `RawSearchChoice`.
struct JsSearchChoice {
  int search;
  double screened, visited;
};

JsSearchChoice choose_search_js(const JsProblem& js, const JsRetrievalOptions& options) {
  const AttentionProblem problem = js.problem();
  const SearchChoice choice = validate(problem).ok() ? choose_search(problem, options.budget()) : SearchChoice{};
  return {static_cast<int>(choice.search), choice.screened, choice.visited};
}

}  // namespace

EMSCRIPTEN_BINDINGS(retrieve) {
  using namespace emscripten;
  value_object<JsRetrievalOptions>("RetrievalOptions")
      .field("search", &JsRetrievalOptions::search)
      .field("k", &JsRetrievalOptions::k)
      .field("alpha", &JsRetrievalOptions::alpha)
      .field("exponent", &JsRetrievalOptions::exponent)
      .field("min", &JsRetrievalOptions::min)
      .field("max", &JsRetrievalOptions::max)
      .field("estimator", &JsRetrievalOptions::estimator)
      .field("sampled", &JsRetrievalOptions::sampled)
      .field("enough", &JsRetrievalOptions::enough)
      .field("seed", &JsRetrievalOptions::seed)
      .field("dropped", &JsRetrievalOptions::dropped)
      .field("bound", &JsRetrievalOptions::bound)
      .field("interval", &JsRetrievalOptions::interval)
      .field("kept", &JsRetrievalOptions::kept)
      .field("indices", &JsRetrievalOptions::indices)
      .field("offsets", &JsRetrievalOptions::offsets)
      .field("recall", &JsRetrievalOptions::recall);
  value_object<JsSearchChoice>("SearchChoice")
      .field("search", &JsSearchChoice::search)
      .field("screened", &JsSearchChoice::screened)
      .field("visited", &JsSearchChoice::visited);
  function("retrievedOffsets", &retrieved_offsets);
  function("chooseSearch", &choose_search_js);
  bind_job("IndexJob", &make_index);
  bind_job("RetrieveJob", &make_retrieved);
}

}  // namespace heed::bindings
