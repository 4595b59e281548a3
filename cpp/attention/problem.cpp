#include "attention/problem.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "base/checked_math.hpp"

namespace heed {
namespace {

// One head of one batch entry of a (batch, n, heads, d) or (batch, heads, n, d) tensor.
template <class T>
MatrixView<T> head_rows(T* data, Layout layout, std::size_t n, std::size_t heads, std::size_t d, std::size_t b,
                        std::size_t h) noexcept {
  if (layout == Layout::kTokenMajor) return {data + b * n * heads * d + h * d, n, d, heads * d};
  return {data + (b * heads + h) * n * d, n, d, d};
}

bool fits(std::size_t batch, std::size_t n, std::size_t heads, std::size_t d) noexcept {
  return checked_product({batch, n, heads, d, sizeof(float)}).fits;
}

}  // namespace

MatrixView<const float> AttentionProblem::query_rows(std::size_t b, std::size_t h) const noexcept {
  return head_rows(q, shape.layout, shape.queries, shape.heads, shape.head_dim, b, h);
}

MatrixView<const float> AttentionProblem::key_rows(std::size_t b, std::size_t g) const noexcept {
  return head_rows(k, heads_apart ? Layout::kHeadMajor : shape.layout, shape.keys, shape.kv_heads, shape.head_dim, b,
                   g);
}

MatrixView<const float> AttentionProblem::value_rows(std::size_t b, std::size_t g) const noexcept {
  return head_rows(v, heads_apart ? Layout::kHeadMajor : shape.layout, shape.keys, shape.kv_heads, shape.value_dim, b,
                   g);
}

MatrixView<float> AttentionProblem::out_rows(std::size_t b, std::size_t h) const noexcept {
  return head_rows(out, shape.layout, shape.queries, shape.heads, shape.value_dim, b, h);
}

Status validate(const AttentionProblem& problem) {
  const AttentionShape& s = problem.shape;
  for (auto [size, name] : {std::pair{s.heads, "heads"},
                            {s.kv_heads, "kvHeads"},
                            {s.head_dim, "headDim"},
                            {s.value_dim, "valueDim"},
                            {s.batch, "batch"}}) {
    if (size == 0) return Status::fail(ErrorCode::kInvalidArgument, std::string(name) + " is 0; it must be at least 1");
  }
  if (s.heads % s.kv_heads != 0) {
    return Status::fail(ErrorCode::kShapeMismatch, "heads is " + std::to_string(s.heads) + " and kvHeads is " +
                                                       std::to_string(s.kv_heads) +
                                                       "; heads must be a multiple of kvHeads");
  }
  if (!std::isfinite(problem.scale)) return Status::fail(ErrorCode::kInvalidArgument, "scale must be a finite number");
  if (!std::isfinite(problem.softcap) || problem.softcap < 0.0)
    return Status::fail(ErrorCode::kInvalidArgument, "softcap must be a finite number, 0 for none or more");
  if (!fits(s.batch, s.queries, s.heads, s.head_dim) || !fits(s.batch, s.queries, s.heads, s.value_dim) ||
      !fits(s.batch, s.keys, s.kv_heads, s.head_dim) || !fits(s.batch, s.keys, s.kv_heads, s.value_dim)) {
    return Status::fail(ErrorCode::kShapeMismatch, "the tensors are larger than the address space");
  }
  // Key positions are compared as floats, which are exact up to 2^24.
  constexpr std::size_t kMostKeys = 1u << 24;
  if (s.keys > kMostKeys) {
    return Status::fail(ErrorCode::kUnsupported,
                        "there are " + std::to_string(s.keys) + " keys; at most 16777216 are supported");
  }
  return {};
}

}  // namespace heed
