// Runs attention over retrieved keys and checks that nothing outside the outputs was written.
#pragma once

#include "retrieve/retrieved_attention.hpp"
#include "support/run.hpp"

namespace heed::test {

/// The kept keys of an approximate search may be fewer than asked for: offsets are those of the budget all the same.
inline Sparse retrieve_topk(const Inputs& inputs, const Budget& budget, Search search, std::size_t threads = 1,
                            std::size_t batch = 0) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  const std::size_t rows = inputs.rows();
  Guarded<float> out(inputs.out_size()), dropped(rows), bound(rows);
  Guarded<std::uint32_t> offsets(rows + 1), kept(rows);
  EXPECT_TRUE(write_offsets(inputs.shape, budget, offsets.data()));
  Guarded<std::uint32_t> indices(std::vector<std::uint32_t>(offsets[rows], 0xFFFFFFFFu));
  TopKOptions options{budget,      Estimator::kRenormalized, dropped.data(), bound.data(),
                      kept.data(), indices.data(),           offsets.data()};
  RetrievedAttention job(inputs.problem(out.data()), options, {.search = search}, nullptr, pool);
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
