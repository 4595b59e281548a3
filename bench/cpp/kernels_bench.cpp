// The three kernels of exact attention, each alone on one block of keys that stays in the first-level cache: what the
// whole could reach if nothing else cost anything.
#include "attention_inputs.hpp"
#include "simd/score_tile.hpp"
#include "simd/softmax_pass.hpp"
#include "simd/value_tile.hpp"

namespace heed::bench {
namespace {

constexpr std::size_t kKeys = simd::kKeyBlock;

struct Block {
  std::size_t d;
  std::vector<float> panel, rows, scores, out;

  explicit Block(std::size_t dim)
      : d(dim),
        panel(gaussian(dim * simd::kPanel, 1)),
        rows(gaussian(kKeys * simd::packed_stride(dim), 2)),
        scores(gaussian(kKeys * simd::kPanel, 3)),
        out(dim * simd::kPanel) {}
};

double product_flops(std::size_t d) { return 2.0 * static_cast<double>(d * kKeys * simd::kPanel); }

void score_tile(benchmark::State& state) {
  Block block(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    simd::scores(block.panel.data(), block.rows.data(), kKeys, block.d, block.scores.data());
    benchmark::ClobberMemory();
  }
  set_flops(state, product_flops(block.d));
}

void value_tile(benchmark::State& state) {
  Block block(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    simd::add_values(block.scores.data(), block.rows.data(), kKeys, block.d, block.out.data());
    benchmark::ClobberMemory();
  }
  set_flops(state, product_flops(block.d));
}

void softmax_pass(benchmark::State& state) {
  Block block(64);
  const std::vector<float> scores = block.scores;
  alignas(64) float rescale[simd::kPanel];
  for (auto _ : state) {
    // The pass works in place; weights of weights would drift away from what attention gives it.
    std::copy(scores.begin(), scores.end(), block.scores.begin());
    simd::PanelState panel_state;
    panel_state.clear();
    benchmark::DoNotOptimize(simd::kernel_softmax(block.scores.data(), kKeys, panel_state, rescale));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kKeys * simd::kPanel));
}

BENCHMARK(score_tile)->ArgName("d")->Arg(32)->Arg(64)->Arg(128);
BENCHMARK(value_tile)->ArgName("d")->Arg(32)->Arg(64)->Arg(128);
BENCHMARK(softmax_pass);

}  // namespace
}  // namespace heed::bench
