// Runs attention over retrieved keys and checks that nothing outside the outputs was written.
#pragma once

#include "retrieve/retrieved_attention.hpp"
#include "support/run.hpp"

namespace heed::test {

/// The outputs of `options` are replaced by ones of our own.
inline Sparse retrieve_topk(const Inputs& inputs, RetrievalOptions options, std::size_t threads = 1,
                            std::size_t batch = 0, const KeyIndex* index = nullptr) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  const std::size_t rows = inputs.rows();
  Guarded<float> out(inputs.out_size()), dropped(rows), bound(rows);
  std::vector<std::uint32_t> totals{0};
  for (const reference::Row row : inputs.each_row())
    totals.push_back(totals.back() +
                     static_cast<std::uint32_t>(options.budget.entries(inputs.shape.visible(row.query))));
  Guarded<std::uint32_t> offsets(totals), kept(rows);
  Guarded<std::uint32_t> indices(std::vector<std::uint32_t>(offsets[rows], 0xFFFFFFFFu));
  options.dropped = dropped.data();
  options.bound = bound.data();
  options.kept = kept.data();
  options.indices = indices.data();
  options.offsets = offsets.data();
  RetrievedAttention job(inputs.problem(out.data()), options, index, pool);
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  if (job.status().ok()) {
    const std::size_t step = batch == 0 ? std::max<std::size_t>(1, job.units()) : batch;
    for (std::size_t unit = 0; unit < job.units(); unit += step) job.run({unit, std::min(unit + step, job.units())});
  }
  EXPECT_TRUE(out.guards_intact() && dropped.guards_intact() && bound.guards_intact() && kept.guards_intact() &&
              indices.guards_intact() && offsets.guards_intact())
      << "written outside the outputs";
  return {out.values(), dropped.values(), bound.values(), kept.values(), indices.values(), offsets.values()};
}

}  // namespace heed::test
