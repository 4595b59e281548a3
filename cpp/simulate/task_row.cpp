#include "simulate/task_row.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.hpp"
#include "simulate/streams.hpp"

namespace heed {
namespace {

constexpr std::size_t kNeedleCount = 4;
// Chosen: the largest of some hundred numbers then has most of the weight, as maximum finding needs.
constexpr double kMaximumGain = 4.0;
constexpr double kMaximumTolerance = 0.25;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Random numbers of one trial: `part` tells them apart.
double uniform(const TaskOptions& options, Task task, std::size_t trial, std::uint64_t part,
               std::uint64_t number) noexcept {
  const std::uint64_t stream = kTaskStream + 16 * (part * kTasks + static_cast<std::uint64_t>(task));
  return CounterRandom(options.seed, stream).uniform((std::uint64_t{trial} << 32) + number);
}

std::size_t below(double u, std::size_t count) noexcept {
  return static_cast<std::size_t>(u * static_cast<double>(count));
}

enum Part : std::uint64_t { kPlaces, kClasses, kTokens };

}  // namespace

TaskRow::Scratch TaskRow::Scratch::cut(Pieces& pieces, const TaskOptions& options) noexcept {
  const std::size_t whole = round_up(options.n + 1, 16);
  return {pieces.take<float>(whole), pieces.take<float>(whole),
          pieces.take<float>(std::max(whole, round_up(options.vocabulary + 1, 16))), pieces.take<std::uint32_t>(whole),
          pieces.take<std::uint8_t>(whole)};
}

TaskRow::TaskRow(Task task, const TaskOptions& options, std::size_t trial, const Scratch& scratch) noexcept
    : task_(task), options_(options), row_(scratch) {
  std::fill_n(row_.wanted, options.n, std::uint8_t{0});
  if (task == Task::kInduction)
    draw_sequence(trial);
  else
    draw_keys(trial);
  // Lengths last: they change scores and nothing else.
  std::copy_n(row_.level, options.n, row_.scores);
  if (options.spread == 0.0) return;
  const std::uint64_t stream = kTaskStream + 16 * (8 * kTasks + static_cast<std::uint64_t>(task));
  const CounterRandom random(options.seed, stream);
  for (std::size_t j = 0; j < options.n; ++j) {
    float z;
    random.fill_normal((std::uint64_t{trial} << 32) + j, 1, &z);
    row_.scores[j] = static_cast<float>(double{row_.level[j]} * std::exp(options.spread * double{z}));
  }
}

void TaskRow::want(std::size_t j, std::uint32_t of_class) noexcept {
  row_.wanted[j] = 1;
  row_.classes[j] = of_class;
  row_.level[j] =
      static_cast<float>(options_.gain * options_.signal * std::sqrt(static_cast<double>(options_.head_dim)));
}

void TaskRow::draw_keys(std::size_t trial) noexcept {
  const std::size_t n = options_.n;
  const std::uint64_t stream = kTaskStream + 16 * (9 * kTasks + static_cast<std::uint64_t>(task_));
  CounterRandom(options_.seed, stream).fill_normal(std::uint64_t{trial} << 32, n, row_.numbers);
  const double gain = options_.gain * (task_ == Task::kMaximum ? kMaximumGain : 1.0);
  const double share = 0.2 + 0.6 * uniform(options_, task_, trial, kPlaces, n);
  classes_ = task_ == Task::kAverage || task_ == Task::kMaximum ? 2 : options_.classes;
  double ones = 0.0;
  for (std::size_t j = 0; j < n; ++j) {
    const double u = uniform(options_, task_, trial, kClasses, j);
    row_.level[j] = static_cast<float>(gain * double{row_.numbers[j]});
    row_.classes[j] = static_cast<std::uint32_t>(task_ == Task::kAverage ? (u < share ? 1 : 0) : below(u, classes_));
    ones += row_.classes[j] == 1 ? 1.0 : 0.0;
  }
  if (task_ == Task::kAverage) target_ = ones / static_cast<double>(n);
  if (task_ == Task::kMaximum) target_ = largest_number();
  const std::size_t needles = task_ == Task::kNeedle ? 1 : task_ == Task::kNeedles ? std::min(kNeedleCount, n) : 0;
  // Classes start anywhere and are different; a place that is taken makes way for the next one.
  const std::size_t first = below(uniform(options_, task_, trial, kPlaces, n + 1), classes_);
  for (std::size_t i = 0; i < needles; ++i) {
    std::size_t place = below(uniform(options_, task_, trial, kPlaces, i), n);
    while (row_.wanted[place] != 0) place = (place + 1) % n;
    want(place, static_cast<std::uint32_t>((first + i * (classes_ / kNeedleCount)) % classes_));
  }
}

// Key j stands for the token before; its class is token j. Token 0 is looked for, and token 1 always follows it.
void TaskRow::draw_sequence(std::size_t trial) noexcept {
  const std::size_t n = options_.n;
  classes_ = options_.vocabulary;
  const std::uint64_t stream = kTaskStream + 16 * (9 * kTasks + static_cast<std::uint64_t>(task_));
  CounterRandom(options_.seed, stream).fill_normal(std::uint64_t{trial} << 32, classes_, row_.numbers);
  const std::size_t certain = below(uniform(options_, task_, trial, kPlaces, 0), n);
  std::size_t before = 1;
  for (std::size_t j = 0; j < n; ++j) {
    std::size_t token = below(uniform(options_, task_, trial, kTokens, j), classes_);
    if (j == certain) before = 0;  // it occurs at least once
    if (before == 0) token = 1;
    row_.classes[j] = static_cast<std::uint32_t>(token);
    row_.level[j] = static_cast<float>(options_.gain * double{row_.numbers[before]});
    if (before == 0) want(j, 1);
    before = token;
  }
}

double TaskRow::largest_number() const noexcept {
  return double{*std::max_element(row_.numbers, row_.numbers + options_.n)};
}

std::size_t TaskRow::columns_of(Task task, const TaskOptions& options) noexcept {
  if (task == Task::kAverage || task == Task::kMaximum) return 1;
  return 1 + (task == Task::kInduction ? options.vocabulary : options.classes);
}

void TaskRow::values(std::size_t first, std::size_t count, float* to) const noexcept {
  for (std::size_t j = 0; j < options_.n; ++j, to += count) {
    if (one_number()) {
      *to = task_ == Task::kMaximum ? row_.numbers[j] : static_cast<float>(row_.classes[j]);
      continue;
    }
    std::fill_n(to, count, 0.0f);
    // Below `first` it wraps around, beyond `count`.
    if (row_.classes[j] - first < count) to[row_.classes[j] - first] = 1.0f;
    if (row_.wanted[j] != 0 && classes_ - first < count) to[classes_ - first] = 1.0f;
  }
}

void TaskRow::read_narrow(const double* weights, const Rounding& round, double* to) const noexcept {
  std::fill_n(to, columns(), 0.0);
  double sum = 0.0, all = 0.0, wanted = 0.0;
  for (std::size_t j = 0; j < options_.n; ++j) {
    const double weight = round(weights[j]);
    const double value = task_ == Task::kMaximum ? round(double{row_.numbers[j]}) : 1.0;
    double& own = to[one_number() ? 0 : row_.classes[j]];
    if (task_ != Task::kAverage || row_.classes[j] == 1) own = round(own + round(weight * value));
    sum = round(sum + weight);
    all += weights[j];
    wanted += row_.wanted[j] != 0 ? weights[j] : 0.0;
  }
  for (std::size_t c = 0; c < columns(); ++c) to[c] /= sum;
  if (!one_number()) to[classes_] = wanted / all;
}

Answer TaskRow::judge(const double* read) const noexcept {
  Answer answer{0.0, kNaN, kNaN};
  if (one_number()) {
    answer.error = std::abs(read[0] - target_);
    answer.accuracy = answer.error <= (task_ == Task::kAverage ? options_.tolerance : kMaximumTolerance) ? 1.0 : 0.0;
    return answer;
  }
  double count = 0.0, right = 0.0;
  for (std::size_t j = 0; j < options_.n; ++j) {
    if (row_.wanted[j] == 0) continue;
    // Its class is right when fewer others are larger than there are answers.
    const std::uint32_t own = row_.classes[j];
    const auto larger = static_cast<std::size_t>(std::count_if(read, read + classes_, [read, own](const double& o) {
      return o > read[own] || (o == read[own] && &o < read + own);
    }));
    count += 1.0;
    right += larger < (task_ == Task::kNeedles ? std::min(kNeedleCount, options_.n) : 1) ? 1.0 : 0.0;
  }
  answer.accuracy = right / count;
  answer.weight = read[classes_];
  return answer;
}

}  // namespace heed
