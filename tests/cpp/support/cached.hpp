// Fills caches from attention inputs and runs the decoding classes on them.
#pragma once

#include <gtest/gtest.h>

#include "cache/decode.hpp"
#include "cache/topk_search.hpp"
#include "support/inputs.hpp"
#include "support/run.hpp"

namespace heed::test {

inline KvCache empty_cache(const AttentionShape& s, simd::RowType type = simd::RowType::kFloat,
                           std::size_t layers = 1) {
  return KvCache({.layers = layers,
                  .kv_heads = s.kv_heads,
                  .head_dim = s.head_dim,
                  .value_dim = s.value_dim,
                  .capacity = 1u << 20,
                  .type = type});
}

inline void append(KvCache& cache, const Inputs& inputs, Range tokens, std::size_t layer = 0) {
  TaskPool pool;
  const AttentionShape& s = inputs.shape;
  const Status status = cache.append(layer, inputs.k.data() + tokens.begin * s.kv_heads * s.head_dim,
                                     inputs.v.data() + tokens.begin * s.kv_heads * s.value_dim, tokens.size(), pool);
  ASSERT_TRUE(status.ok()) << status.detail;
}

/// A cache of one layer with all keys and values.
inline KvCache filled_cache(const Inputs& inputs, simd::RowType type = simd::RowType::kFloat) {
  KvCache cache = empty_cache(inputs.shape, type);
  EXPECT_TRUE(cache.status().ok()) << cache.status().detail;
  append(cache, inputs, {0, inputs.shape.keys});
  return cache;
}

/// The inputs as the cache rounded them.
inline Inputs as_held(const KvCache& cache, const Inputs& inputs) {
  const AttentionShape& s = inputs.shape;
  Inputs rounded = inputs;
  for (std::size_t t = 0; t < s.keys; ++t)
    for (std::size_t g = 0; g < s.kv_heads; ++g)
      cache.read(0, g, t, rounded.k.data() + (t * s.kv_heads + g) * s.head_dim,
                 rounded.v.data() + (t * s.kv_heads + g) * s.value_dim);
  return rounded;
}

/// The same, and the queries as its scores round them: what exact results are compared with.
inline Inputs as_cached(const KvCache& cache, const Inputs& inputs) {
  const AttentionShape& s = inputs.shape;
  Inputs rounded = as_held(cache, inputs);
  if (cache.shape().type != simd::RowType::kByte || inputs.accumulate == Accumulate::kDouble) return rounded;
  const std::size_t columns = simd::row_columns(s.head_dim);
  for (std::size_t r = 0; r < s.queries * s.heads; ++r) {
    std::vector<float> query(columns);
    std::vector<std::int16_t> whole(columns);
    float scale = 0.0f;
    for (std::size_t c = 0; c < s.head_dim; ++c) query[c] = inputs.scale * inputs.q[r * s.head_dim + c];
    simd::kernel_round_query(query.data(), columns, simd::largest_whole(columns), whole.data(), &scale);
    for (std::size_t c = 0; c < s.head_dim; ++c) rounded.q[r * s.head_dim + c] = static_cast<float>(whole[c]) * scale;
  }
  rounded.scale = 1.0f;
  return rounded;
}

inline DecodeProblem decode_problem(const Inputs& inputs, float* out, float* lse) {
  const AttentionProblem p = inputs.problem(out, lse);
  return {.layer = 0,
          .queries = inputs.shape.queries,
          .heads = inputs.shape.heads,
          .q = p.q,
          .out = out,
          .lse = lse,
          .scale = p.scale,
          .softcap = p.softcap,
          .window = inputs.shape.window,
          .sinks = inputs.shape.sinks,
          .mask = p.mask,
          .accumulate = inputs.accumulate};
}

/// What the problem and the monitor have places for.
inline void run_decode(const KvCache& cache, const DecodeProblem& problem, const MonitorOptions& monitor,
                       std::size_t threads = 1) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  CacheAttention job(cache, problem, monitor, pool);
  ASSERT_TRUE(job.status().ok()) << job.status().detail;
  job.run({0, job.units()});
}

inline Exact decode(const KvCache& cache, const Inputs& inputs, std::size_t threads = 1) {
  Guarded<float> out(inputs.out_size()), lse(inputs.rows());
  run_decode(cache, decode_problem(inputs, out.data(), lse.data()), {}, threads);
  EXPECT_TRUE(out.guards_intact() && lse.guards_intact()) << "written outside the output";
  return {out.values(), lse.values()};
}

/// The cache's own scores of one row with all tokens, -infinity for those it does not see.
inline std::vector<float> cached_scores(const KvCache& cache, const Inputs& inputs, std::size_t query,
                                        std::size_t head) {
  const DecodeProblem problem = decode_problem(inputs, nullptr, nullptr);
  DecodeScores scores(cache, problem);
  EXPECT_TRUE(scores.prepare());
  scores.start({query, query + 1});
  const std::size_t n = inputs.shape.keys, group = inputs.shape.group(), stride = round_up(n, kDecodeChunk);
  std::vector<float> rows(group * stride);
  for (std::size_t j = 0; j < n; j += kDecodeChunk)
    scores.form(head / group, {j, std::min(j + kDecodeChunk, n)}, rows.data() + j, stride);
  const auto from = rows.begin() + static_cast<std::ptrdiff_t>(head % group * stride);
  return {from, from + static_cast<std::ptrdiff_t>(n)};
}

template <class Search>
void run_decode(KvCache& cache, const DecodeProblem& problem, const CacheTopKOptions& options, TaskPool& pool) {
  Search job(cache, problem, options, pool);
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  if (job.status().ok()) job.run({0, job.units()});
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
}

/// `wanted` says budgets, estimator and search; `certified` asks for certificates.
template <class Search = CacheTopKSearch>
Sparse decode_topk(KvCache& cache, const Inputs& inputs, CacheTopKOptions wanted, bool certified,
                   std::size_t threads = 1) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  const std::size_t rows = inputs.rows(), more = certified ? rows : 0;
  Guarded<float> out(inputs.out_size()), dropped(rows), bound(rows);
  Guarded<float> single(more), aware(more), blocks(more), output(more), logits(more);
  Guarded<std::uint32_t> offsets(rows + 1), kept(rows);
  const DecodeProblem problem = decode_problem(inputs, out.data(), nullptr);
  const AttentionProblem shaped{.shape = inputs.shape, .mask = problem.mask};
  const TopKOptions budgets{.budget = wanted.budget, .head_budgets = wanted.head_budgets};
  if (entries_known(shaped, budgets)) {
    EXPECT_TRUE(write_offsets(shaped, budgets, offsets.data()));
  } else {
    CacheTopKOptions counting = wanted;
    counting.only_count = true;
    counting.kept = kept.data();
    run_decode<CacheTopKSearch>(cache, problem, counting, pool);
    EXPECT_TRUE(write_offsets(kept.data(), rows, offsets.data()));
  }
  Guarded<std::uint32_t> indices(std::vector<std::uint32_t>(offsets[rows], 0xFFFFFFFFu));
  wanted.dropped = dropped.data(), wanted.bound = bound.data(), wanted.kept = kept.data();
  wanted.indices = indices.data(), wanted.offsets = offsets.data();
  if (certified) wanted.certificates = {single.data(), aware.data(), blocks.data(), output.data(), logits.data()};
  run_decode<Search>(cache, problem, wanted, pool);
  EXPECT_TRUE(out.guards_intact() && dropped.guards_intact() && bound.guards_intact() && kept.guards_intact() &&
              indices.guards_intact() && offsets.guards_intact() && single.guards_intact() && aware.guards_intact() &&
              blocks.guards_intact() && output.guards_intact() && logits.guards_intact())
      << "written outside the outputs";
  return {out.values(),    dropped.values(), bound.values(),  kept.values(),   indices.values(), offsets.values(),
          single.values(), aware.values(),   blocks.values(), output.values(), logits.values()};
}

inline Sparse decode_topk(KvCache& cache, const Inputs& inputs, const Budget& budget, Estimator estimator,
                          CacheSearch search, std::size_t threads = 1) {
  return decode_topk(cache, inputs, CacheTopKOptions{.budget = budget, .estimator = estimator, .search = search}, false,
                     threads);
}

/// The cache's own scores of a row.
inline auto scores_in(const KvCache& cache, const Inputs& inputs) {
  return [&](reference::Row row) { return cached_scores(cache, inputs, row.query, row.head); };
}

inline AttentionShape newest(std::size_t queries, std::size_t keys, std::size_t d) {
  return {.queries = queries, .keys = keys, .head_dim = d, .value_dim = d, .causal = true};
}

inline const char* name_of(simd::RowType type) {
  return type == simd::RowType::kFloat ? "f32" : type == simd::RowType::kHalf ? "f16" : "int8";
}

inline constexpr simd::RowType kRowTypes[] = {simd::RowType::kFloat, simd::RowType::kHalf, simd::RowType::kByte};

}  // namespace heed::test
