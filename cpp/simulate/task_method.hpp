// How a task's row is read: plain softmax, what is proposed against its dispersion, and top-k attention.
//
//   plain          softmax(s)
//   logLength      softmax(s ln n / ln reference): log-n scaling
//   adaptive       softmax(beta s), the least beta >= 1 with which the perplexity e^H is at most `perplexity`
//   offByOne       e^s / (1 + sum e^s): softmax-off-by-one, the same as a sink of score 0 without a value
//   sink           the same with a sink of score `sink`
//   normalized     softmax of the scores of normalized queries and keys (QK norm)
//   bfloat         plain, with products and running sums in bfloat16
//   renormalized, compensated, linear    top-k attention with an estimator of sparse/tail.hpp
//   scaledTopK     logLength, then renormalized
//
// The row becomes tensors, k_j = (s_j) and q = (1), (ln n / ln reference), (beta), and the library answers: exact
// attention, and top-k attention by exact scan. So what is tested is the product, its selection, weights and
// estimators. Softmax with a sink is exact attention times Z / (Z + e^sink), with ln Z the library's log-sum-exp. Only
// bfloat16, which the library does not sum in, is a formula in double (theory/number_format.hpp).
//
// Source of the adaptive temperature: DERIVED; arXiv 2410.01104 fits a polynomial in the entropy.
#pragma once

#include <cstddef>

#include "parallel/task_pool.hpp"
#include "simulate/task_row.hpp"

namespace heed {

/// The order is the order of the words of column `method`.
enum class Method {
  kPlain,
  kLogLength,
  kAdaptive,
  kOffByOne,
  kSink,
  kNormalized,
  kBfloat,
  kRenormalized,
  kCompensated,
  kLinear,
  kScaledTopK,
};
inline constexpr std::size_t kMethods = 11;

struct MethodOptions {
  std::size_t keep = 64;
  double reference = 256.0;
  double perplexity = 16.0;
  double sink = 6.0;
};

struct MethodScratch {
  double* weights;  // n
  float* values;    // (n, columns of a call)
  float* outputs;   // of a call
  double* read;     // (kMethods, columns of the row)

  static MethodScratch cut(Pieces& pieces, const TaskOptions& options) noexcept;
};

/// What every method reads of the row, to scratch.read. `alone`: a pool of one thread. False when there is no memory.
[[nodiscard]] bool read_by_methods(const TaskRow& row, const MethodOptions& options, const MethodScratch& scratch,
                                   TaskPool& alone);

}  // namespace heed
