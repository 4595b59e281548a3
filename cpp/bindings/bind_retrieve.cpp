// The JavaScript face of retrieve/: indexes over keys, and top-k attention that skips scores.
#include "bindings/runtime.hpp"
#include "bindings/topk_options.hpp"
#include "retrieve/retrieved_attention.hpp"

namespace heed::bindings {
namespace {

Job<RetrievedAttention>* make_retrieved(const JsProblem& js, const JsTopKOptions& options, int search) {
  return new Job<RetrievedAttention>(js.problem(), options.options(), static_cast<Search>(search),
                                     static_cast<const KeyIndex*>(nullptr));
}

}  // namespace

EMSCRIPTEN_BINDINGS(retrieve) { bind_job("RetrieveJob", &make_retrieved); }

}  // namespace heed::bindings
