#include "sparse/heads_apart.hpp"

#include <algorithm>

namespace heed {
namespace {

// Tokens of a unit, and queries from which on reading everything once more is little.
constexpr std::size_t kTokens = 64;
constexpr std::size_t kFewestQueries = 128;

}  // namespace

bool HeadsApart::build(AttentionProblem& problem, TaskPool& pool) {
  const AttentionShape& shape = problem.shape;
  if (shape.layout != Layout::kTokenMajor || shape.kv_heads == 1 || shape.queries < kFewestQueries) return true;
  const CheckedSize key_size = checked_product({shape.batch, shape.kv_heads, shape.keys, shape.head_dim});
  const CheckedSize value_size = checked_product({shape.batch, shape.kv_heads, shape.keys, shape.value_dim});
  if (std::max(key_size.value, value_size.value) > kMostBytes / sizeof(float) / 2) return true;
  if (!keys_.resize(key_size.value) || !values_.resize(value_size.value)) return false;
  AttentionProblem apart = problem;
  apart.heads_apart = true;
  apart.k = keys_.data();
  apart.v = values_.data();
  const std::size_t blocks = (shape.keys + kTokens - 1) / kTokens;
  pool.run({0, shape.batch * blocks}, [&](std::size_t unit, std::size_t) {
    const std::size_t b = unit / blocks, begin = unit % blocks * kTokens;
    for (std::size_t j = begin; j < std::min(begin + kTokens, shape.keys); ++j)
      for (std::size_t g = 0; g < shape.kv_heads; ++g) {
        const std::size_t to = (b * shape.kv_heads + g) * shape.keys + j;
        std::copy_n(problem.key_rows(b, g).row(j), shape.head_dim, keys_.data() + to * shape.head_dim);
        std::copy_n(problem.value_rows(b, g).row(j), shape.value_dim, values_.data() + to * shape.value_dim);
      }
  });
  problem = apart;
  return true;
}

}  // namespace heed
