// Top-k attention by exact scan, natively, beside exact attention in attend_exact_bench: attend_top_k/n/k/estimator.
//
// With k = n every estimator is exact attention, so the oracle judges one such call before the timed ones.
#include "attention_inputs.hpp"
#include "sparse/topk_attention.hpp"

namespace heed::bench {
namespace {

constexpr std::size_t kHeads = 8;
constexpr std::size_t kHeadDim = 64;

Status run(AttentionInputs& inputs, std::size_t k, Estimator estimator, TaskPool& pool) {
  TopKOptions options;
  options.budget.k = k;
  options.estimator = estimator;
  const std::size_t rows = inputs.shape.queries * inputs.shape.heads;
  std::vector<float> dropped(rows), bound(rows);
  std::vector<std::uint32_t> kept(rows);
  options.dropped = dropped.data();
  options.bound = bound.data();
  options.kept = kept.data();
  TopKAttention job(inputs.problem(), options, pool);
  if (job.status().ok()) job.run({0, job.units()});
  benchmark::ClobberMemory();
  return job.status();
}

void attend_top_k(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto k = static_cast<std::size_t>(state.range(1));
  const auto estimator = static_cast<Estimator>(state.range(2));
  TaskPool pool;
  if (const Status status = pool.start(1); !status.ok()) return state.SkipWithError(status.detail.c_str());

  AttentionInputs small(256, kHeads, kHeadDim, false);
  const Status judged = run(small, 256, estimator, pool);
  if (!judged.ok()) return state.SkipWithError(judged.detail.c_str());
  if (!(small.largest_error() <= kTolerance)) return state.SkipWithError("keeping every key is not exact attention");

  AttentionInputs inputs(n, kHeads, kHeadDim, false);
  for (auto _ : state) {
    if (const Status status = run(inputs, k, estimator, pool); !status.ok())
      return state.SkipWithError(status.detail.c_str());
  }
}

BENCHMARK(attend_top_k)
    ->ArgNames({"n", "k", "estimator"})
    ->ArgsProduct({{1024, 4096},
                   {64},
                   {static_cast<long>(Estimator::kRenormalized), static_cast<long>(Estimator::kCompensated)}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace heed::bench
