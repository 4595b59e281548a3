// E17: does attention still give the known answer as the context grows, and what repairs it? One n; a row for every
// task and method (task_row.hpp, task_method.hpp).
//
//   accuracy   share of the trials that were right, and its standard error over trials
//   weight     mean weight on the keys that are looked for
//   error      root of the mean square of what the number that is read is off by
#include <algorithm>
#include <cmath>

#include "simulate/phased_experiment.hpp"
#include "simulate/protocols.hpp"
#include "simulate/task_method.hpp"
#include "simulate/task_row.hpp"

namespace heed {
namespace {

class Tasks final : public PhasedExperiment {
 public:
  Tasks(const ExperimentInput& input, TaskPool& pool)
      : PhasedExperiment(
            "n,task:needle|needles|average|induction|maximum,method:plain|logLength|adaptive|offByOne|sink|normalized|"
            "bfloat|renormalized|compensated|linear|scaledTopK,k,trials,accuracy,accuracyError,weight,error",
            pool) {
    Parameters parameters(input.numbers, input.count);
    const CommonParameters common = CommonParameters::read(parameters, input.q, input.k);
    trials_ = common.source.rows;
    options_.head_dim = common.source.head_dim;
    options_.gain = common.source.sigma;
    options_.seed = common.source.seed;
    options_.n = parameters.count();
    options_.signal = parameters.number();
    options_.spread = parameters.number();
    options_.classes = parameters.count();
    options_.vocabulary = parameters.count();
    options_.tolerance = parameters.number();
    methods_.keep = parameters.count();
    methods_.reference = parameters.number();
    methods_.perplexity = parameters.number();
    methods_.sink = parameters.number();
    if (!ready_to_run(parameters, [this] { return reserve(); })) return;
    together(kTasks * trials_, [this](std::size_t unit, std::size_t thread) { run_trial(unit, thread); });
    alone(1, [this](std::size_t, std::size_t) { need(std::count(read_.data(), read_.data() + read_.size(), 0) == 0); });
  }

 private:
  bool reserve() {
    Pieces pieces(nullptr);
    TaskRow::Scratch::cut(pieces, options_);
    MethodScratch::cut(pieces, options_);
    scratch_bytes_ = pieces.used();
    const CheckedSize bytes = checked_product({scratch_bytes_, pool_.threads()});
    return bytes.fits && scratch_.resize(bytes.value) && answers_.resize(kTasks * kMethods * trials_) &&
           read_.resize(kTasks * trials_);
  }

  void run_trial(std::size_t unit, std::size_t thread) noexcept {
    Pieces pieces(scratch_.data() + thread * scratch_bytes_);
    const TaskRow::Scratch scratch = TaskRow::Scratch::cut(pieces, options_);
    const MethodScratch methods = MethodScratch::cut(pieces, options_);
    const std::size_t task = unit / trials_, trial = unit % trials_;
    const TaskRow row(static_cast<Task>(task), options_, trial, scratch);
    // One thread for each trial: this pool has no others, so all of them may use it.
    read_[unit] = read_by_methods(row, methods_, methods, alone_) ? 1 : 0;
    for (std::size_t m = 0; m < kMethods; ++m)
      answers_[(task * kMethods + m) * trials_ + trial] = row.judge(methods.read + m * row.columns());
  }

  void finish() override {
    const auto count = static_cast<double>(trials_);
    for (std::size_t task = 0; task < kTasks; ++task)
      for (std::size_t m = 0; m < kMethods; ++m) {
        const Answer* answers = answers_.data() + (task * kMethods + m) * trials_;
        double accuracy = 0.0, squares = 0.0, weight = 0.0, error = 0.0;
        for (std::size_t i = 0; i < trials_; ++i) {
          accuracy += answers[i].accuracy;
          squares += answers[i].accuracy * answers[i].accuracy;
          weight += answers[i].weight;
          error += answers[i].error * answers[i].error;
        }
        accuracy /= count;
        const double deviation = std::sqrt(std::max(0.0, squares / count - accuracy * accuracy) / count);
        row({static_cast<double>(options_.n), static_cast<double>(task), static_cast<double>(m),
             static_cast<double>(std::min(methods_.keep, options_.n)), count, accuracy, deviation, weight / count,
             std::sqrt(error / count)});
      }
  }

  std::size_t trials_ = 1, scratch_bytes_ = 0;
  TaskOptions options_;
  MethodOptions methods_;
  TaskPool alone_;
  Buffer<Answer> answers_;     // (tasks, methods, trials)
  Buffer<std::uint8_t> read_;  // (tasks, trials): whether there was memory
  Buffer<std::byte> scratch_;
};

}  // namespace

std::unique_ptr<Experiment> make_tasks(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Tasks>(input, pool);
}

}  // namespace heed
