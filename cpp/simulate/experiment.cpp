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

Experiment::~Experiment() = default;

std::size_t Experiment::add(const StudyRequest& request, std::size_t repeats) {
  const std::size_t first = requests_.size();
  for (std::size_t i = 0; i < repeats; ++i) {
    requests_.push_back(request);
    requests_.back().source.seed += i;
  }
  return first;
}

bool Experiment::whole(const Parameters& parameters) {
  if (!parameters.whole()) fail("the numbers of the simulation are not those that its protocol reads");
  return parameters.whole();
}

void Experiment::need(bool room) {
  if (room) return;
  status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the simulation; take a smaller n or fewer rows");
}

void Experiment::fail(const char* detail) { status_ = Status::fail(ErrorCode::kInvalidArgument, detail); }

void Experiment::ready(const Parameters& parameters) {
  if (!status_.ok() || !whole(parameters)) return;
  runner_ = std::make_unique<StudyRunner>(std::move(requests_), pool_);
  status_ = runner_->status();
}

double Experiment::total(std::size_t first, std::size_t repeats, std::size_t rule, Kept which) const noexcept {
  double sum = 0.0;
  for (std::size_t i = first; i < first + repeats; ++i)
    sum += result(i).kept(rule, which).mean * static_cast<double>(result(i).rows);
  return std::round(sum);
}

void Experiment::row(std::initializer_list<double> values) {
  table_.insert(table_.end(), values);
  ++rows_;
}

void Experiment::run(Range units) {
  runner_->run(units);
  if (units.end == runner_->units() && units.begin < units.end) finish();
}

}  // namespace heed
