// An experiment that is not made of row studies: its units come in phases, one after the other.
#pragma once

#include <functional>

#include "simulate/experiment.hpp"

namespace heed {

class PhasedExperiment : public Experiment {
 public:
  std::size_t units() const noexcept override { return units_; }
  void run(Range units) override;

 protected:
  using Work = std::function<void(std::size_t unit, std::size_t thread)>;

  PhasedExperiment(const char* columns, TaskPool& pool) noexcept : Experiment(columns, pool) {}

  /// `units` units on any threads, after those of the phases before.
  void together(std::size_t units, Work work) { add({units, std::move(work), false}); }
  /// The same, one at a time on the thread that runs the job, which may use the pool itself.
  void alone(std::size_t units, Work work) { add({units, std::move(work), true}); }
  /// Whether the parameters are those that were read and `reserve` found the memory; fails otherwise.
  bool ready_to_run(const Parameters& parameters, const std::function<bool()>& reserve);

 private:
  struct Phase {
    std::size_t units;
    Work work;
    bool alone;
  };
  void add(Phase phase) {
    units_ += phase.units;
    phases_.push_back(std::move(phase));
  }

  std::vector<Phase> phases_;
  std::size_t units_ = 0;
};

}  // namespace heed
