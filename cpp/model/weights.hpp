// The weights of a decoder: every tensor that a checkpoint must have, by its name in Hugging Face's files, allocated at
// once and filled slice by slice. A slice is converted, rounded and packed as it comes, so the weights are never in
// memory twice.
//
// Matrices are (out features, in features), rows padded (simd/weight_rows.hpp). Gains and biases are floats.
#pragma once

#include <memory>
#include <string>

#include "base/buffer.hpp"
#include "model/shape.hpp"

namespace heed {

/// One tensor.
struct WeightSlot {
  simd::WeightType type = simd::WeightType::kFloat;
  std::size_t rows = 0, columns = 0;
  Buffer<std::byte> data;
  Buffer<float> scales;
  Buffer<std::uint8_t> written;  // of each row

  simd::WeightRows view() const noexcept { return {type, simd::weight_columns(columns), data.data(), scales.data()}; }
  /// Of a gain or a bias.
  const float* floats() const noexcept { return reinterpret_cast<const float*>(data.data()); }
};

class ModelWeights {
 public:
  /// The tensors of a layer, in their order among the slots.
  enum Part {
    kInputNorm,
    kQuery,
    kQueryBias,
    kQueryNorm,
    kKey,
    kKeyBias,
    kKeyNorm,
    kValue,
    kValueBias,
    kOut,
    kOutBias,
    kMlpNorm,
    kGate,
    kGateBias,
    kUp,
    kUpBias,
    kDown,
    kDownBias,
    kParts
  };

  explicit ModelWeights(const ModelShape& shape);

  /// Why they cannot be used. Nothing may be called after a failure.
  const Status& status() const noexcept { return status_; }
  const ModelShape& shape() const noexcept { return shape_; }
  std::size_t bytes() const noexcept;

  std::size_t slots() const noexcept { return count_; }
  const WeightSlot& slot(std::size_t i) const noexcept { return slots_[i]; }
  std::string name(std::size_t i) const;

  /// Rows [first, first + rows) of a slot from numbers of type `type`, dense; `scales` has one per row for kByte.
  Status write(std::size_t slot, std::size_t first, std::size_t rows, const std::byte* from, simd::WeightType type,
               const float* scales);
  /// Rows of a slot of bytes back as levels and scales.
  Status read(std::size_t slot, std::size_t first, std::size_t rows, std::int8_t* levels, float* scales) const;
  /// kInvalidArgument while some row of some slot was not written.
  Status complete() const;

  /// A tensor of a layer; null where the shape has none.
  const WeightSlot* part(std::size_t layer, Part part) const noexcept {
    const int at = places_[part];
    return at < 0 ? nullptr : &slots_[1 + layer * layer_slots_ + static_cast<std::size_t>(at)];
  }
  const float* floats(std::size_t layer, Part which) const noexcept {
    const WeightSlot* const found = part(layer, which);
    return found == nullptr ? nullptr : found->floats();
  }
  const WeightSlot& embedding() const noexcept { return slots_[0]; }
  const WeightSlot& final_norm() const noexcept { return slots_[1 + shape_.layers * layer_slots_]; }
  const WeightSlot& head() const noexcept { return shape_.tied ? slots_[0] : slots_[count_ - 1]; }

 private:
  Status prepare();
  Status check_rows(std::size_t slot, std::size_t first, std::size_t rows) const;

  ModelShape shape_;
  Status status_;
  int places_[kParts] = {};  // among the slots of a layer; -1: none
  std::size_t layer_slots_ = 0, count_ = 0;
  std::unique_ptr<WeightSlot[]> slots_;
  Buffer<float> row_;
};

}  // namespace heed
