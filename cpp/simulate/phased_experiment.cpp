#include "simulate/phased_experiment.hpp"

#include <algorithm>

namespace heed {

void PhasedExperiment::run(Range units) {
  std::size_t start = 0;
  for (const Phase& phase : phases_) {
    const std::size_t end = start + phase.units;
    const Range own{std::clamp(units.begin, start, end) - start, std::clamp(units.end, start, end) - start};
    if (own.size() != 0 && !phase.alone)
      pool_.run(own, [&phase](std::size_t unit, std::size_t thread) { phase.work(unit, thread); });
    else
      for (std::size_t unit = own.begin; unit < own.end; ++unit) phase.work(unit, 0);
    start = end;
  }
  if (units.end == units_ && units.begin < units.end) finish();
}

bool PhasedExperiment::ready_to_run(const Parameters& parameters, const std::function<bool()>& reserve) {
  if (!parameters.whole())
    fail("the numbers of the simulation are not those that its protocol reads");
  else if (!reserve())
    status_ =
        Status::fail(ErrorCode::kOutOfMemory, "no memory left for the simulation; take a smaller n or fewer rows");
  return status_.ok();
}

}  // namespace heed
