// The oracle for exact attention: the formulas, one row at a time, in double, with the vectors that a textbook would
// use.
//
//   s_j = scale <q_i, k_j>    p_j = e^(s_j - max s) / sum_l e^(s_l - max s)    o_i = sum_j p_j v_j    j < visible(i)
//
// It shares nothing with the kernels, not even their description of a problem, and is as slow as it looks: only tests
// and benches may use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heed::reference {

/// The operands of one attention call. Token-major is (batch, n, heads, d), head-major (batch, heads, n, d).
struct Tensors {
  std::size_t batch, queries, keys, heads, kv_heads, head_dim, value_dim;
  bool head_major, causal;
  double scale;
  const float *q, *k, *v;
  // Rules beside causality; 0 and null for none. The window keeps the last so many keys before a query's end, itself
  // included, and the first `sinks`.
  std::size_t window = 0, sinks = 0;
  double softcap = 0.0;
  const float* bias = nullptr;            // added: (queries, keys), or (heads, queries, keys) when mask_per_head
  const std::uint8_t* allowed = nullptr;  // 0 hides: likewise
  bool mask_per_head = false;
};

/// One row: which batch entry, query and query head.
struct Row {
  std::size_t batch, query, head;
};

/// How many keys query i sees. Causal attention aligns the ends: key j is seen when keys - j >= queries - i.
std::size_t visible(const Tensors& tensors, std::size_t query);

const float* query_at(const Tensors& tensors, Row row);
const float* key_at(const Tensors& tensors, Row row, std::size_t key);
const float* value_at(const Tensors& tensors, Row row, std::size_t key);

/// The scores with the first visible() keys; -infinity for the ones that another rule hides, nothing if it hides all.
std::vector<double> scores(const Tensors& tensors, Row row);

/// Probabilities of scores; empty for none.
std::vector<double> softmax(const std::vector<double>& scores);

/// ln sum_j e^(s_j), -infinity for no scores.
double log_sum_exp(const std::vector<double>& scores);

/// sum_j weights[j] v_j over the first weights.size() keys: value_dim numbers, zeros for no weights.
std::vector<double> mix(const Tensors& tensors, Row row, const std::vector<double>& weights);

}  // namespace heed::reference
