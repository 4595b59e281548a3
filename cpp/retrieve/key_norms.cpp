#include "retrieve/key_norms.hpp"

#include <algorithm>
#include <cmath>

#include "sparse/dropped_mass.hpp"

namespace heed {
namespace {

// NaN wins: a bound that counts on it must be NaN too.
double larger(double a, double b) noexcept { return std::isnan(a) || a > b ? a : b; }

}  // namespace

bool KeyNorms::prepare(const AttentionProblem& problem) noexcept {
  chunks_ = KeyChunks(problem.shape);
  kv_heads_ = problem.shape.kv_heads;
  return running_.resize(chunks_.heads * chunks_.keys);
}

void KeyNorms::build(const AttentionProblem& problem, std::size_t unit) noexcept {
  const std::size_t head = chunks_.head(unit);
  const MatrixView<const float> keys = problem.key_rows(head / kv_heads_, head % kv_heads_);
  double largest = 0.0;
  for (std::size_t j = chunks_.range(unit).begin; j < chunks_.range(unit).end; ++j)
    running_[head * chunks_.keys + j] = largest = larger(row_norm(keys.row(j), keys.cols), largest);
}

double KeyNorms::largest(std::size_t batch, std::size_t kv_head, std::size_t count) const noexcept {
  const double* running = running_.data() + (batch * kv_heads_ + kv_head) * chunks_.keys;
  double largest = running[count - 1];
  for (std::size_t end = (count - 1) / KeyChunks::kSize * KeyChunks::kSize; end > 0; end -= KeyChunks::kSize)
    largest = larger(running[end - 1], largest);
  return largest;
}

}  // namespace heed
