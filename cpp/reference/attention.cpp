#include "reference/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heed::reference {
namespace {

const float* at(const float* data, bool head_major, std::size_t batch, std::size_t n, std::size_t heads, std::size_t d,
                std::size_t i, std::size_t h) {
  const std::size_t row = head_major ? (batch * heads + h) * n + i : (batch * n + i) * heads + h;
  return data + row * d;
}

}  // namespace

std::size_t visible(const Tensors& tensors, std::size_t query) {
  std::size_t count = 0;
  for (std::size_t j = 0; j < tensors.keys; ++j)
    if (!tensors.causal || tensors.keys - j >= tensors.queries - query) ++count;
  return count;
}

const float* query_at(const Tensors& t, Row row) {
  return at(t.q, t.head_major, row.batch, t.queries, t.heads, t.head_dim, row.query, row.head);
}

const float* key_at(const Tensors& t, Row row, std::size_t key) {
  return at(t.k, t.head_major, row.batch, t.keys, t.kv_heads, t.head_dim, key, row.head * t.kv_heads / t.heads);
}

const float* value_at(const Tensors& t, Row row, std::size_t key) {
  return at(t.v, t.head_major, row.batch, t.keys, t.kv_heads, t.value_dim, key, row.head * t.kv_heads / t.heads);
}

std::vector<double> scores(const Tensors& tensors, Row row) {
  constexpr double kHidden = -std::numeric_limits<double>::infinity();
  const std::size_t end = visible(tensors, row.query);
  std::vector<double> result(end);
  const float* q = query_at(tensors, row);
  const std::size_t mask_row = ((tensors.mask_per_head ? row.head * tensors.queries : 0) + row.query) * tensors.keys;
  bool any = false;
  for (std::size_t j = 0; j < end; ++j) {
    const float* k = key_at(tensors, row, j);
    double score = 0.0;
    for (std::size_t c = 0; c < tensors.head_dim; ++c) score += static_cast<double>(q[c]) * static_cast<double>(k[c]);
    score *= tensors.scale;
    if (tensors.softcap != 0.0) score = tensors.softcap * std::tanh(score / tensors.softcap);
    if (tensors.bias != nullptr) score += static_cast<double>(tensors.bias[mask_row + j]);
    const bool in_window = tensors.window == 0 || end - j <= tensors.window || j < tensors.sinks;
    const bool allowed = tensors.allowed == nullptr || tensors.allowed[mask_row + j] != 0;
    result[j] = in_window && allowed ? score : kHidden;
    any = any || result[j] != kHidden;
  }
  return any ? result : std::vector<double>{};
}

std::vector<double> softmax(const std::vector<double>& scores) {
  std::vector<double> p(scores.size());
  if (scores.empty()) return p;
  const double highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (std::size_t j = 0; j < p.size(); ++j) sum += p[j] = std::exp(scores[j] - highest);
  for (double& each : p) each /= sum;
  return p;
}

double log_sum_exp(const std::vector<double>& scores) {
  if (scores.empty()) return -std::numeric_limits<double>::infinity();
  const double highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (const double s : scores) sum += std::exp(s - highest);
  return highest + std::log(sum);
}

std::vector<double> mix(const Tensors& tensors, Row row, const std::vector<double>& weights) {
  std::vector<double> out(tensors.value_dim, 0.0);
  for (std::size_t j = 0; j < weights.size(); ++j) {
    const float* v = value_at(tensors, row, j);
    for (std::size_t c = 0; c < out.size(); ++c) out[c] += weights[j] * static_cast<double>(v[c]);
  }
  return out;
}

}  // namespace heed::reference
