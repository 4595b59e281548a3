#include "model/shape.hpp"

#include <cmath>
#include <utility>

#include "base/number_text.hpp"

namespace heed {
namespace {

// Far beyond any model that fits into memory, and products of two stay far from wrapping.
constexpr std::size_t kMostLayers = 1024, kMostWidth = 1u << 17, kMostVocab = 1u << 22;

Status at_fault(const std::string& what) { return Status::fail(ErrorCode::kInvalidArgument, what); }

}  // namespace

double ModelShape::scale() const noexcept { return 1.0 / std::sqrt(static_cast<double>(head_dim)); }

Status validate(const ModelShape& shape) {
  struct Limit {
    std::size_t value, most;
    const char* name;
  };
  for (const auto& [value, most, name] : {Limit{shape.layers, kMostLayers, "layers"},
                                          {shape.width, kMostWidth, "width"},
                                          {shape.heads, 4096, "heads"},
                                          {shape.kv_heads, 4096, "kvHeads"},
                                          {shape.head_dim, 1024, "headDim"},
                                          {shape.hidden, kMostWidth, "hidden"},
                                          {shape.vocab, kMostVocab, "vocab"}}) {
    if (value == 0 || value > most)
      return at_fault(std::string(name) + " is " + std::to_string(value) + "; it must be from 1 to " +
                      std::to_string(most));
  }
  if (shape.heads % shape.kv_heads != 0)
    return at_fault("heads is " + std::to_string(shape.heads) + ", which kvHeads, " + std::to_string(shape.kv_heads) +
                    ", does not divide");
  if (shape.head_dim % 2 != 0)
    return at_fault("headDim is " + std::to_string(shape.head_dim) +
                    "; rotary positions turn pairs, so it must be even");
  if (shape.query_width() > kMostWidth)
    return at_fault("heads * headDim is " + std::to_string(shape.query_width()) + "; at most " +
                    std::to_string(kMostWidth) + " are supported");
  if (!(shape.epsilon >= 0.0) || !std::isfinite(shape.epsilon))
    return at_fault("epsilon is " + number_text(shape.epsilon) + "; it must be a finite number from 0");
  for (const auto& [type, name] :
       {std::pair{shape.matrices, "matrices"}, {shape.embedding, "embedding"}, {shape.head, "head"}}) {
    if (static_cast<std::size_t>(type) >= simd::kWeightTypes)
      return at_fault(std::string(name) + " is " + std::to_string(static_cast<int>(type)) + "; there are " +
                      std::to_string(simd::kWeightTypes) + " types of weights");
  }
  return validate(shape.rope);
}

}  // namespace heed
