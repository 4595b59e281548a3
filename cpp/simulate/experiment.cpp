#include "simulate/experiment.hpp"

namespace heed {

CommonParameters CommonParameters::read(Parameters& parameters, const float* q, const float* k) {
  CommonParameters common;
  SourceOptions& source = common.source;
  source.head_dim = parameters.count();
  source.input = parameters.code<Input>();
  source.strength = parameters.number();
  source.weights = parameters.code<Weights>();
  source.shape = parameters.number();
  source.sigma = parameters.number();
  source.causal = parameters.flag();
  source.self = parameters.flag();
  source.rows = parameters.count();
  common.repeats = parameters.count();
  source.seed = static_cast<std::uint64_t>(parameters.number());
  source.q = q;
  source.k = k;
  return common;
}

std::size_t Experiment::add(StudyRequest request, std::size_t repeats) {
  const std::size_t first = requests_.size();
  for (std::size_t i = 0; i < repeats; ++i) {
    requests_.push_back(request);
    ++request.source.seed;
  }
  return first;
}

void Experiment::ready(const Parameters& parameters) {
  if (!status_.ok() || !whole(parameters)) return;
  runner_ = std::make_unique<StudyRunner>(std::move(requests_), pool_);
  status_ = runner_->status();
}

void Experiment::run(Range units) {
  runner_->run(units);
  if (units.end == runner_->units() && units.begin < units.end) finish();
}

}  // namespace heed
