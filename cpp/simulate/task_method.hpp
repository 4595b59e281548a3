// How a row of scores becomes a row of weights: plain softmax, what is proposed against its dispersion, and top-k.
//
//   plain          p = softmax(s)
//   logLength      softmax(s ln n / ln reference): log-n scaling
//   adaptive       softmax(beta s), the least beta >= 1 with which the perplexity e^H is at most `perplexity`
//   offByOne       e^s / (1 + sum e^s): softmax-off-by-one, the same as a sink of score 0 without a value
//   sink           the same with a sink of score `sink`
//   normalized     softmax of the scores of normalized queries and keys (QK norm)
//   bfloat         plain, with products and running sums in bfloat16
//   renormalized, compensated, linear    the k best and an estimator of sparse/tail.hpp
//   scaledTopK     logLength, then renormalized
//
// Numerics: double. Source of the adaptive temperature: DERIVED; arXiv 2410.01104 fits a polynomial in the entropy.
#pragma once

#include <cstddef>

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
inline constexpr const char* kMethodWords =
    "plain|logLength|adaptive|offByOne|sink|normalized|bfloat|renormalized|compensated|linear|scaledTopK";
inline constexpr std::size_t kMethods = 11;

struct MethodOptions {
  std::size_t keep = 64;
  double reference = 256.0;
  double perplexity = 16.0;
  double sink = 6.0;
};

/// Weights of `count` scores. For kBfloat they are e^(s - max), to be divided by their sum. `scores` has room for
/// whole vectors.
void weigh(Method method, const MethodOptions& options, const float* scores, std::size_t count,
           double* weights) noexcept;

}  // namespace heed
