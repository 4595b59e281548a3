// The protocols by their ids, from E2 on, of the experiments around arXiv 2404.02690 (README.md says what each
// asks and what came of it; E1 is collapse.hpp). Each has a file of its own.
#pragma once

#include <memory>

#include "simulate/experiment.hpp"

namespace heed {

struct ExperimentInput {
  const double* numbers = nullptr;  // parameters.hpp
  std::size_t count = 0;
  const float* q = nullptr;  // (n, d) of given heads, or none
  const float* k = nullptr;
};

std::unique_ptr<Experiment> make_sufficiency(const ExperimentInput& input, TaskPool& pool);        // E2
std::unique_ptr<Experiment> make_equal_cost(const ExperimentInput& input, TaskPool& pool);         // E3
std::unique_ptr<Experiment> make_necessity(const ExperimentInput& input, TaskPool& pool);          // E4
std::unique_ptr<Experiment> make_regimes(const ExperimentInput& input, TaskPool& pool);            // E5
std::unique_ptr<Experiment> make_concentration(const ExperimentInput& input, TaskPool& pool);      // E6
std::unique_ptr<Experiment> make_gain(const ExperimentInput& input, TaskPool& pool);               // E7
std::unique_ptr<Experiment> make_policies(const ExperimentInput& input, TaskPool& pool);           // E8
std::unique_ptr<Experiment> make_violations(const ExperimentInput& input, TaskPool& pool);         // E9
std::unique_ptr<Experiment> make_calibration(const ExperimentInput& input, TaskPool& pool);        // E11
std::unique_ptr<Experiment> make_precision(const ExperimentInput& input, TaskPool& pool);          // E12
std::unique_ptr<Experiment> make_preselection(const ExperimentInput& input, TaskPool& pool);       // E13
std::unique_ptr<Experiment> make_misfit(const ExperimentInput& input, TaskPool& pool);             // E14
std::unique_ptr<Experiment> make_depth(const ExperimentInput& input, TaskPool& pool);              // E15
std::unique_ptr<Experiment> make_positions(const ExperimentInput& input, TaskPool& pool);          // E16
std::unique_ptr<Experiment> make_tasks(const ExperimentInput& input, TaskPool& pool);              // E17
std::unique_ptr<Experiment> make_certified_rows(const ExperimentInput& input, TaskPool& pool);     // E18
std::unique_ptr<Experiment> make_critical(const ExperimentInput& input, TaskPool& pool);           // E19
std::unique_ptr<Experiment> make_sample_complexity(const ExperimentInput& input, TaskPool& pool);  // E20
std::unique_ptr<Experiment> make_search_speed(const ExperimentInput& input, TaskPool& pool);       // E22

/// Of protocol `id`; empty for a number that none of them has.
std::unique_ptr<Experiment> make_experiment(int id, const ExperimentInput& input, TaskPool& pool);

}  // namespace heed
