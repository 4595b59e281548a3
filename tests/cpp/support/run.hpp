// Runs the attention classes of the library on inputs and checks that nothing outside the outputs was written.
#pragma once

#include <gtest/gtest.h>

#include "attention/exact.hpp"
#include "attention/precise.hpp"
#include "attention/scores.hpp"
#include "sparse/topk_search.hpp"
#include "support/inputs.hpp"

namespace heed::test {

struct Exact {
  std::vector<float> out, lse;
};

/// `batch`: how many units at a time; 0 for all at once.
inline Exact attend(const Inputs& inputs, std::size_t threads = 1, std::size_t batch = 0) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  Guarded<float> out(inputs.out_size()), lse(inputs.rows());
  const AttentionProblem problem = inputs.problem(out.data(), lse.data());
  const auto complete = [&](auto&& job) {
    EXPECT_TRUE(job.status().ok()) << job.status().detail;
    if (!job.status().ok()) return;
    const std::size_t step = batch == 0 ? std::max<std::size_t>(1, job.units()) : batch;
    for (std::size_t unit = 0; unit < job.units(); unit += step) job.run({unit, std::min(unit + step, job.units())});
  };
  if (inputs.accumulate == Accumulate::kDouble)
    complete(PreciseAttention(problem, pool));
  else
    complete(ExactAttention(problem, pool));
  EXPECT_TRUE(out.guards_intact() && lse.guards_intact()) << "written outside the output";
  EXPECT_TRUE(inputs.q.guards_intact() && inputs.k.guards_intact() && inputs.v.guards_intact());
  return {out.values(), lse.values()};
}

/// (queries, keys) of one head.
inline std::vector<float> look(const Inputs& inputs, std::size_t batch, std::size_t head, Look what,
                               std::size_t threads = 1) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  Guarded<float> out(inputs.shape.queries * inputs.shape.keys);
  ScoreMatrix job(inputs.problem(out.data()), batch, head, what, pool);
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  if (job.status().ok()) job.run({0, job.units()});
  EXPECT_TRUE(out.guards_intact()) << "written outside the matrix";
  return out.values();
}

struct Sparse {
  std::vector<float> out, dropped, bound;
  std::vector<std::uint32_t> kept, indices, offsets;
  // With certificates only.
  std::vector<float> single_gap = {}, head_aware = {}, blockwise = {}, output_error = {}, logit_error = {};

  /// The kept keys of row r.
  std::vector<std::uint32_t> keys_of(std::size_t r) const {
    return {indices.begin() + offsets[r], indices.begin() + offsets[r + 1]};
  }
};

/// Runs a search; `batch` units at a time, 0 for all at once.
template <class Search>
void run_search(const AttentionProblem& problem, const TopKOptions& options, TaskPool& pool, std::size_t batch = 0) {
  Search job(problem, options, pool);
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  if (!job.status().ok()) return;
  const std::size_t step = batch == 0 ? std::max<std::size_t>(1, job.units()) : batch;
  for (std::size_t unit = 0; unit < job.units(); unit += step) job.run({unit, std::min(unit + step, job.units())});
}

/// `wanted` says budgets and estimator; `certified` asks for certificates.
template <class Search = TopKSearch>
Sparse attend_topk(const Inputs& inputs, TopKOptions wanted, bool certified, std::size_t threads = 1,
                   std::size_t batch = 0) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  const std::size_t rows = inputs.rows();
  Guarded<float> out(inputs.out_size()), dropped(rows), bound(rows);
  Guarded<std::uint32_t> offsets(rows + 1), kept(rows);
  const AttentionProblem problem = inputs.problem(out.data());
  if (entries_known(problem, wanted)) {
    EXPECT_TRUE(write_offsets(problem, wanted, offsets.data()));
  } else {
    TopKOptions counting = wanted;
    counting.only_count = true;
    counting.kept = kept.data();
    run_search<StripTopK>(problem, counting, pool, batch);
    EXPECT_TRUE(write_offsets(kept.data(), rows, offsets.data()));
  }
  Guarded<std::uint32_t> indices(std::vector<std::uint32_t>(offsets[rows], 0xFFFFFFFFu));
  wanted.dropped = dropped.data(), wanted.bound = bound.data(), wanted.kept = kept.data();
  wanted.indices = indices.data(), wanted.offsets = offsets.data();
  const std::size_t more = certified ? rows : 0;
  Guarded<float> single(more), aware(more), blocks(more), output(more), logits(more);
  if (certified) wanted.certificates = {single.data(), aware.data(), blocks.data(), output.data(), logits.data()};
  run_search<Search>(problem, wanted, pool, batch);
  EXPECT_TRUE(out.guards_intact() && dropped.guards_intact() && bound.guards_intact() && kept.guards_intact() &&
              indices.guards_intact() && offsets.guards_intact() && single.guards_intact() && aware.guards_intact() &&
              blocks.guards_intact() && output.guards_intact() && logits.guards_intact())
      << "written outside the outputs";
  return {out.values(),    dropped.values(), bound.values(),  kept.values(),   indices.values(), offsets.values(),
          single.values(), aware.values(),   blocks.values(), output.values(), logits.values()};
}

inline Sparse attend_topk(const Inputs& inputs, const Budget& budget, Estimator estimator = Estimator::kLinear,
                          std::size_t threads = 1, std::size_t batch = 0) {
  return attend_topk(inputs, TopKOptions{.budget = budget, .estimator = estimator}, false, threads, batch);
}

}  // namespace heed::test
