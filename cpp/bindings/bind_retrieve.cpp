// The JavaScript face of retrieve/: indexes over keys, and top-k attention that skips scores.
#include "bindings/runtime.hpp"
#include "bindings/topk_options.hpp"
#include "retrieve/retrieved_attention.hpp"

namespace heed::bindings {
namespace {

/// Field for field `RawRetrievalOptions` in web/src/runtime/raw.ts.
struct JsRetrievalOptions {
  int search;
  bool sampled;
  double enough, seed;
  Address interval, recall;

  RetrievalOptions options() const noexcept {
    return {static_cast<Search>(search),
            sampled ? Tail::kSampled : Tail::kNone,
            enough,
            static_cast<std::uint64_t>(seed),
            at<float>(interval),
            at<float>(recall)};
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

Job<RetrievedAttention>* make_retrieved(const JsProblem& js, const JsTopKOptions& options,
                                        const JsRetrievalOptions& retrieval, const Job<IndexWork>* index) {
  const KeyIndex* const ready = index == nullptr ? nullptr : &index->work().index();
  return new Job<RetrievedAttention>(js.problem(), options.options(), retrieval.options(), ready);
}

}  // namespace

EMSCRIPTEN_BINDINGS(retrieve) {
  using namespace emscripten;
  value_object<JsRetrievalOptions>("RetrievalOptions")
      .field("search", &JsRetrievalOptions::search)
      .field("sampled", &JsRetrievalOptions::sampled)
      .field("enough", &JsRetrievalOptions::enough)
      .field("seed", &JsRetrievalOptions::seed)
      .field("interval", &JsRetrievalOptions::interval)
      .field("recall", &JsRetrievalOptions::recall);
  bind_job("IndexJob", &make_index);
  bind_job("RetrieveJob", &make_retrieved);
}

}  // namespace heed::bindings
