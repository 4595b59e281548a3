#include "simulate/task_row.hpp"

#include <algorithm>
#include <bit>
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

// To the nearest number with 8 significant bits, ties to even.
double to_bfloat(double x) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  return double{std::bit_cast<float>((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u)};
}

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
  return {pieces.take<float>(whole),
          pieces.take<float>(whole),
          pieces.take<float>(std::max(whole, round_up(options.vocabulary + 1, 16))),
          pieces.take<std::uint32_t>(whole),
          pieces.take<std::uint8_t>(whole),
          pieces.take<double>(options.most_classes())};
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

// o_c of every class; returns the sum of w_j z_j.
double TaskRow::mix(const double* weights, bool bfloat) const noexcept {
  const auto rounded = [bfloat](double x) { return bfloat ? to_bfloat(x) : x; };
  std::fill_n(row_.mixed, classes_, 0.0);
  double sum = 0.0, number = 0.0;
  for (std::size_t j = 0; j < options_.n; ++j) {
    const double weight = rounded(weights[j]);
    double& mixed = row_.mixed[row_.classes[j]];
    mixed = rounded(mixed + weight);
    sum = rounded(sum + weight);
    if (task_ == Task::kMaximum) number = rounded(number + rounded(weight * double{row_.numbers[j]}));
  }
  if (!bfloat) return number;
  for (std::size_t c = 0; c < classes_; ++c) row_.mixed[c] /= sum;
  return number / sum;
}

Answer TaskRow::answer(const double* weights, bool bfloat) const noexcept {
  const double number = mix(weights, bfloat);
  Answer answer{0.0, kNaN, kNaN};
  if (task_ == Task::kAverage || task_ == Task::kMaximum) {
    answer.error = std::abs((task_ == Task::kAverage ? row_.mixed[1] : number) - target_);
    answer.accuracy = answer.error <= (task_ == Task::kAverage ? options_.tolerance : kMaximumTolerance) ? 1.0 : 0.0;
    return answer;
  }
  double all = 0.0, wanted = 0.0, count = 0.0, right = 0.0;
  for (std::size_t j = 0; j < options_.n; ++j) {
    all += weights[j];
    if (row_.wanted[j] == 0) continue;
    wanted += weights[j];
    // Its class is right when fewer others are larger than there are answers.
    const std::uint32_t own = row_.classes[j];
    const double* mixed = row_.mixed;
    const auto larger = static_cast<std::size_t>(std::count_if(mixed, mixed + classes_, [mixed, own](const double& o) {
      return o > mixed[own] || (o == mixed[own] && &o < mixed + own);
    }));
    count += 1.0;
    right += larger < (task_ == Task::kNeedles ? std::min(kNeedleCount, options_.n) : 1) ? 1.0 : 0.0;
  }
  answer.accuracy = right / count;
  answer.weight = bfloat ? wanted / all : wanted;
  return answer;
}

}  // namespace heed
