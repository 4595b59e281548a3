// What the targets of the searches that skip scores share: a call over given keys, or one over a cache of them.
#pragma once

#include "cache/decode_retrieved.hpp"
#include "checks.hpp"
#include "support/cached.hpp"

namespace heed::fuzz {

struct Retrieved : test::Sparse {
  std::vector<float> recall;
};

/// The kept keys of row r by a full sort of the scores.
inline std::vector<std::uint32_t> best_keys(const std::vector<float>& scores, std::size_t k) {
  std::vector<std::uint32_t> best = reference::first_k(scores, k);
  std::sort(best.begin(), best.end());
  return best;
}

/// Any set that was found is ascending, as large as the budget says or smaller, and seen by its row.
inline void expect_possible_sets(const test::Inputs& inputs, const Budget& budget, const test::Sparse& result) {
  for (const reference::Row row : inputs.each_row()) {
    const std::size_t r = inputs.shape.row_index(row.batch, row.query, row.head);
    const std::size_t visible = inputs.shape.end(row.query);
    std::vector<std::uint32_t> kept = result.keys_of(r);
    ASSERT_LE(result.kept[r], budget.entries(visible));
    kept.resize(result.kept[r]);
    ASSERT_TRUE(std::is_sorted(kept.begin(), kept.end()));
    ASSERT_TRUE(std::adjacent_find(kept.begin(), kept.end()) == kept.end()) << "a key twice";
    if (!kept.empty()) ASSERT_LT(kept.back(), visible);
  }
}

/// Sampled tails and estimators, of a search over given keys.
inline RetrievalOptions draw_retrieval(Bytes& bytes, Search search, std::size_t keys) {
  RetrievalOptions options{.search = search, .budget = draw_budget(bytes, keys, true)};
  options.seed = below(bytes, 3);
  if (below(bytes, 3) == 0) {
    options.tail = Tail::kSampled;
    options.estimator = draw_estimator(bytes);
  }
  return options;
}

/// A problem over a cache: the newest queries, tokens as keys.
inline test::Inputs draw_decode_problem(Bytes& bytes, std::size_t most_keys) {
  AttentionShape shape = draw_shape(bytes, 6, most_keys);
  shape.batch = 1;
  shape.layout = Layout::kTokenMajor;
  shape.causal = true;
  test::Inputs inputs = draw_numbers(bytes, shape);
  draw_edits(bytes, inputs);
  return inputs;
}

/// Each number of a monitor lies between its bounds, or the whole row is NaN.
inline void expect_watched(const test::Guarded<double>& numbers) {
  ASSERT_TRUE(numbers.guards_intact());
  const std::vector<double> all = numbers.values();
  for (std::size_t i = 0; i < all.size(); i += 3) {
    if (std::isnan(all[i]) && std::isnan(all[i + 1]) && std::isnan(all[i + 2])) continue;
    ASSERT_TRUE(all[i + 1] <= all[i] && all[i] <= all[i + 2]) << all[i + 1] << ", " << all[i] << ", " << all[i + 2];
  }
}

inline Retrieved decode_retrieved(KvCache& cache, const test::Inputs& inputs, CacheTopKOptions options,
                                  std::size_t threads = 1) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  const std::size_t rows = inputs.rows();
  test::Guarded<float> out(inputs.out_size()), dropped(rows), bound(rows), interval(rows), recall(rows);
  test::Guarded<std::uint32_t> offsets(rows + 1), kept(rows);
  EXPECT_TRUE(write_offsets(inputs.shape, options.budget, offsets.data()));
  test::Guarded<std::uint32_t> indices(std::vector<std::uint32_t>(offsets[rows], 0xFFFFFFFFu));
  options.dropped = dropped.data(), options.bound = bound.data(), options.kept = kept.data();
  options.indices = indices.data(), options.offsets = offsets.data();
  options.interval = interval.data(), options.recall = recall.data();
  test::Guarded<double> watched(rows * kKeptMonitored);
  options.monitor = {0.01, 0.05, watched.data()};
  CacheRetrieval job(cache, test::decode_problem(inputs, out.data(), nullptr), options, pool);
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  if (job.status().ok()) job.run({0, job.units()});
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  EXPECT_TRUE(out.guards_intact() && dropped.guards_intact() && bound.guards_intact() && interval.guards_intact() &&
              recall.guards_intact() && kept.guards_intact() && indices.guards_intact())
      << "written outside the outputs";
  expect_watched(watched);
  return {{out.values(), dropped.values(), bound.values(), kept.values(), indices.values(), offsets.values()},
          recall.values()};
}

/// The cache's own scores of the tokens that a row sees.
inline std::vector<float> row_scores(const KvCache& cache, const test::Inputs& inputs, reference::Row row) {
  std::vector<float> scores = test::cached_scores(cache, inputs, row.query, row.head);
  scores.resize(inputs.shape.end(row.query));
  return scores;
}

/// A row with such a score is spoiled: a search over a cache gives NaN and any tokens for it.
inline bool spoiled(const std::vector<float>& scores) {
  return !std::all_of(scores.begin(), scores.end(), [](float s) { return s < simd::kInfinity; });
}

/// Each row's set is that of a sort of the cache's own scores, or, where `enough` allows, has a bound within it.
inline void expect_cached_sets(const KvCache& cache, const test::Inputs& inputs, const Budget& budget,
                               const test::Sparse& result, bool spoiled_too, double enough = 0.0) {
  expect_possible_sets(inputs, budget, result);
  for (const reference::Row row : inputs.each_row()) {
    const std::size_t visible = inputs.shape.end(row.query), r = row.query * inputs.shape.heads + row.head;
    const std::vector<float> scores = row_scores(cache, inputs, row);
    if (!spoiled_too && spoiled(scores)) continue;
    const std::vector<std::uint32_t> expected = best_keys(scores, budget.entries(visible));
    if (enough > 0.0 && result.keys_of(r) != expected) {
      ASSERT_LE(double{result.bound[r]}, enough) << "stopped without a certificate";
      continue;
    }
    ASSERT_EQ(result.keys_of(r), expected) << "query " << row.query << ", head " << row.head;
  }
}

}  // namespace heed::fuzz
