// Runs one point of a protocol and reads its table by the names of its columns.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "simulate/protocols.hpp"

namespace heed::test {

using Row = std::map<std::string, double>;

/// What every protocol takes, as in CommonParameters.
struct Common {
  double d = 64;
  Input input = Input::kGaussian;
  double strength = 0;
  Weights weights = Weights::kIndependent;
  double shape = 0, sigma = 1;
  bool causal = false, self = true;
  double rows = 64, repeats = 1, seed = 0;

  std::vector<double> numbers() const {
    return {d,
            static_cast<double>(input),
            strength,
            static_cast<double>(weights),
            shape,
            sigma,
            causal ? 1.0 : 0.0,
            self ? 1.0 : 0.0,
            rows,
            repeats,
            seed};
  }
};

/// Numbers and lists one after the other, as they cross from JavaScript.
class Numbers {
 public:
  explicit Numbers(const Common& common) : all_(common.numbers()) {}
  Numbers& add(double number) {
    all_.push_back(number);
    return *this;
  }
  Numbers& add(const std::vector<double>& list) {
    all_.push_back(static_cast<double>(list.size()));
    all_.insert(all_.end(), list.begin(), list.end());
    return *this;
  }
  const std::vector<double>& all() const { return all_; }

 private:
  std::vector<double> all_;
};

inline std::vector<Row> run_protocol(int id, const std::vector<double>& numbers, std::size_t threads = 1,
                                     std::size_t batch = 0, const float* q = nullptr, const float* k = nullptr) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  const auto experiment = make_experiment(id, {numbers.data(), numbers.size(), q, k}, pool);
  EXPECT_NE(experiment, nullptr);
  EXPECT_TRUE(experiment->status().ok()) << experiment->status().detail;
  if (!experiment->status().ok()) return {};
  const std::size_t units = experiment->units(), step = batch == 0 ? units : batch;
  for (std::size_t unit = 0; unit < units; unit += step) experiment->run({unit, std::min(unit + step, units)});
  std::vector<std::string> names(1);
  bool words = false;
  for (const char* c = experiment->columns(); *c != 0; ++c) {
    if (*c == ',') names.emplace_back();
    words = *c == ':' || (words && *c != ',');
    if (*c != ',' && !words) names.back() += *c;
  }
  EXPECT_EQ(experiment->table().size(), experiment->rows() * names.size());
  std::vector<Row> rows(experiment->rows());
  for (std::size_t i = 0; i < experiment->table().size(); ++i)
    rows[i / names.size()][names[i % names.size()]] = experiment->table()[i];
  return rows;
}

}  // namespace heed::test
