// The JavaScript face of attention/: exact attention, and scores to look at.
#include "attention/exact.hpp"
#include "attention/precise.hpp"
#include "attention/scores.hpp"
#include "bindings/runtime.hpp"

namespace heed::bindings {
namespace {

Job<ExactAttention>* make_exact(const JsProblem& js) { return new Job<ExactAttention>(js.problem()); }

Job<PreciseAttention>* make_precise(const JsProblem& js) { return new Job<PreciseAttention>(js.problem()); }

Job<ScoreMatrix>* make_scores(const JsProblem& js, std::uint32_t batch, std::uint32_t head, bool weights) {
  return new Job<ScoreMatrix>(js.problem(), std::size_t{batch}, std::size_t{head},
                              weights ? Look::kWeights : Look::kScores);
}

}  // namespace

EMSCRIPTEN_BINDINGS(attention) {
  using namespace emscripten;
  value_object<JsProblem>("Problem")
      .field("q", &JsProblem::q)
      .field("k", &JsProblem::k)
      .field("v", &JsProblem::v)
      .field("out", &JsProblem::out)
      .field("lse", &JsProblem::lse)
      .field("bias", &JsProblem::bias)
      .field("allowed", &JsProblem::allowed)
      .field("batch", &JsProblem::batch)
      .field("queries", &JsProblem::queries)
      .field("keys", &JsProblem::keys)
      .field("heads", &JsProblem::heads)
      .field("kvHeads", &JsProblem::kv_heads)
      .field("headDim", &JsProblem::head_dim)
      .field("valueDim", &JsProblem::value_dim)
      .field("window", &JsProblem::window)
      .field("sinks", &JsProblem::sinks)
      .field("scale", &JsProblem::scale)
      .field("softcap", &JsProblem::softcap)
      .field("causal", &JsProblem::causal)
      .field("headMajor", &JsProblem::head_major)
      .field("maskPerHead", &JsProblem::mask_per_head)
      .field("accumulate", &JsProblem::accumulate);
  bind_job("ExactJob", &make_exact);
  bind_job("PreciseJob", &make_precise);
  bind_job("ScoresJob", &make_scores);
}

}  // namespace heed::bindings
