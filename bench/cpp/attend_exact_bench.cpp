// Exact attention, natively: attend_exact/n/d/causal/threads.
#include "attention/exact.hpp"
#include "attention_inputs.hpp"

namespace heed::bench {
namespace {

constexpr std::size_t kHeads = 8;

void attend_exact(benchmark::State& state) {
  const auto argument = [&state](std::size_t i) { return static_cast<std::size_t>(state.range(i)); };
  AttentionInputs inputs(argument(0), kHeads, argument(1), argument(2) != 0);
  TaskPool pool;
  if (const Status status = pool.start(argument(3)); !status.ok()) return state.SkipWithError(status.detail.c_str());

  for (auto _ : state) {
    ExactAttention job(inputs.problem(), pool);
    if (!job.status().ok()) return state.SkipWithError(job.status().detail.c_str());
    job.run({0, job.units()});
    benchmark::ClobberMemory();
  }
  const double error = inputs.largest_error();
  if (!(error <= kTolerance)) return state.SkipWithError("the answer is wrong");
  state.counters["error"] = error;
  set_flops(state, inputs.flops());
}

BENCHMARK(attend_exact)
    ->ArgNames({"n", "d", "causal", "threads"})
    ->ArgsProduct({{256, 1024, 4096}, {64}, {0, 1}, {1, 2}})
    ->ArgsProduct({{1024}, {32, 80, 96, 128}, {0}, {1}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace heed::bench
