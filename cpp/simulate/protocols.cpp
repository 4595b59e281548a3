#include "simulate/protocols.hpp"

namespace heed {

std::unique_ptr<Experiment> make_experiment(int id, const ExperimentInput& input, TaskPool& pool) {
  switch (id) {
    case 2:
      return make_sufficiency(input, pool);
    case 3:
      return make_equal_cost(input, pool);
    case 4:
      return make_necessity(input, pool);
    case 5:
      return make_regimes(input, pool);
    case 6:
      return make_concentration(input, pool);
    case 7:
      return make_gain(input, pool);
    case 8:
      return make_policies(input, pool);
    case 9:
      return make_violations(input, pool);
    case 11:
      return make_calibration(input, pool);
    case 12:
      return make_precision(input, pool);
    case 13:
      return make_preselection(input, pool);
    case 14:
      return make_misfit(input, pool);
    case 15:
      return make_depth(input, pool);
    case 16:
      return make_positions(input, pool);
    case 17:
      return make_tasks(input, pool);
    case 18:
      return make_certified_rows(input, pool);
    case 19:
      return make_critical(input, pool);
    case 20:
      return make_sample_complexity(input, pool);
    case 22:
      return make_search_speed(input, pool);
    default:
      return nullptr;
  }
}

}  // namespace heed
