#include "model/weights.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace heed {
namespace {

using simd::WeightType;

// Products read whole groups of rows.
constexpr std::size_t kRowGroup = 16;

constexpr const char* kNames[ModelWeights::kParts] = {
    "input_layernorm.weight",  "self_attn.q_proj.weight", "self_attn.q_proj.bias",   "self_attn.q_norm.weight",
    "self_attn.k_proj.weight", "self_attn.k_proj.bias",   "self_attn.k_norm.weight", "self_attn.v_proj.weight",
    "self_attn.v_proj.bias",   "self_attn.o_proj.weight", "self_attn.o_proj.bias",   "post_attention_layernorm.weight",
    "mlp.gate_proj.weight",    "mlp.gate_proj.bias",      "mlp.up_proj.weight",      "mlp.up_proj.bias",
    "mlp.down_proj.weight",    "mlp.down_proj.bias",
};

struct Size {
  bool there;
  std::size_t rows, columns;
  bool matrix;
};

Size size_of(const ModelShape& s, ModelWeights::Part part) noexcept {
  switch (part) {
    case ModelWeights::kInputNorm:
    case ModelWeights::kMlpNorm:
      return {true, 1, s.width, false};
    case ModelWeights::kQuery:
      return {true, s.query_width(), s.width, true};
    case ModelWeights::kQueryBias:
      return {s.qkv_bias, 1, s.query_width(), false};
    case ModelWeights::kQueryNorm:
    case ModelWeights::kKeyNorm:
      return {s.qk_norm, 1, s.head_dim, false};
    case ModelWeights::kKey:
    case ModelWeights::kValue:
      return {true, s.key_width(), s.width, true};
    case ModelWeights::kKeyBias:
    case ModelWeights::kValueBias:
      return {s.qkv_bias, 1, s.key_width(), false};
    case ModelWeights::kOut:
      return {true, s.width, s.query_width(), true};
    case ModelWeights::kOutBias:
      return {s.out_bias, 1, s.width, false};
    case ModelWeights::kGate:
    case ModelWeights::kUp:
      return {true, s.hidden, s.width, true};
    case ModelWeights::kGateBias:
    case ModelWeights::kUpBias:
      return {s.mlp_bias, 1, s.hidden, false};
    case ModelWeights::kDown:
      return {true, s.width, s.hidden, true};
    case ModelWeights::kDownBias:
      return {s.mlp_bias, 1, s.width, false};
    case ModelWeights::kParts:
      break;
  }
  return {};
}

}  // namespace

ModelWeights::ModelWeights(const ModelShape& shape) : shape_(shape), status_(validate(shape)) {
  if (status_.ok()) status_ = prepare();
}

Status ModelWeights::prepare() {
  const Status no_memory = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the weights");
  for (int part = 0; part < kParts; ++part) {
    const bool there = size_of(shape_, static_cast<Part>(part)).there;
    places_[part] = there ? static_cast<int>(layer_slots_) : -1;
    layer_slots_ += there ? 1 : 0;
  }
  count_ = shape_.layers * layer_slots_ + (shape_.tied ? 2 : 3);
  slots_.reset(new (std::nothrow) WeightSlot[count_]);
  if (slots_ == nullptr) return no_memory;

  const auto set = [](WeightSlot& slot, WeightType type, std::size_t rows, std::size_t columns) {
    slot.type = type;
    slot.rows = rows;
    slot.columns = columns;
  };
  set(slots_[0], shape_.embedding, shape_.vocab, shape_.width);
  for (std::size_t layer = 0; layer < shape_.layers; ++layer) {
    for (int part = 0; part < kParts; ++part) {
      if (places_[part] < 0) continue;
      const Size size = size_of(shape_, static_cast<Part>(part));
      set(slots_[1 + layer * layer_slots_ + static_cast<std::size_t>(places_[part])],
          size.matrix ? shape_.matrices : WeightType::kFloat, size.rows, size.columns);
    }
  }
  set(slots_[1 + shape_.layers * layer_slots_], WeightType::kFloat, 1, shape_.width);
  if (!shape_.tied) set(slots_[count_ - 1], shape_.head, shape_.vocab, shape_.width);

  std::size_t widest = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    WeightSlot& slot = slots_[i];
    const std::size_t columns = simd::weight_columns(slot.columns);
    const std::size_t rows = slot.rows == 1 ? 1 : round_up(slot.rows, kRowGroup);
    const CheckedSize data = checked_product({rows, simd::weight_row_bytes(slot.type, columns)});
    const CheckedSize scales = checked_product({rows, simd::weight_row_scales(slot.type, columns)});
    if (!data.fits || !scales.fits || !slot.data.resize(data.value) || !slot.scales.resize(scales.value) ||
        !slot.written.resize(slot.rows))
      return no_memory;
    std::fill_n(slot.data.data(), data.value, std::byte{0});
    std::fill_n(slot.scales.data(), scales.value, 0.0f);
    std::fill_n(slot.written.data(), slot.rows, std::uint8_t{0});
    widest = std::max(widest, slot.columns);
  }
  return row_.resize(widest) ? Status{} : no_memory;
}

std::size_t ModelWeights::bytes() const noexcept {
  std::size_t total = 0;
  for (std::size_t i = 0; i < count_; ++i)
    total += slots_[i].data.size() + slots_[i].scales.size() * sizeof(float) + slots_[i].written.size();
  return total;
}

std::string ModelWeights::name(std::size_t i) const {
  if (i == 0) return "model.embed_tokens.weight";
  const std::size_t in_layers = i - 1;
  if (in_layers < shape_.layers * layer_slots_) {
    for (int part = 0; part < kParts; ++part)
      if (places_[part] == static_cast<int>(in_layers % layer_slots_))
        return "model.layers." + std::to_string(in_layers / layer_slots_) + "." + kNames[part];
  }
  return in_layers == shape_.layers * layer_slots_ ? "model.norm.weight" : "lm_head.weight";
}

Status ModelWeights::check_rows(std::size_t slot, std::size_t first, std::size_t rows) const {
  if (slot >= count_)
    return Status::fail(ErrorCode::kInvalidArgument,
                        "slot is " + std::to_string(slot) + "; there are " + std::to_string(count_));
  if (first > slots_[slot].rows || rows > slots_[slot].rows - first)
    return Status::fail(ErrorCode::kInvalidArgument, "rows " + std::to_string(first) + " to " +
                                                         std::to_string(first + rows) + " of " + name(slot) +
                                                         ", which has " + std::to_string(slots_[slot].rows));
  return {};
}

Status ModelWeights::write(std::size_t index, std::size_t first, std::size_t rows, const std::byte* from,
                           WeightType type, const float* scales) {
  if (Status checked = check_rows(index, first, rows); !checked.ok()) return checked;
  if (static_cast<std::size_t>(type) > static_cast<std::size_t>(WeightType::kByte) ||
      (type == WeightType::kByte) != (scales != nullptr))
    return Status::fail(ErrorCode::kUnsupported,
                        "type is " + std::to_string(static_cast<int>(type)) +
                            "; floats, half floats and bfloat16 come without scales, bytes with a scale for each row");
  WeightSlot& slot = slots_[index];
  const std::size_t columns = simd::weight_columns(slot.columns), each = simd::weight_row_scales(slot.type, columns);
  const std::size_t source_bytes = simd::weight_row_bytes(type, slot.columns);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t at = first + i;
    const std::byte* const source = from + i * source_bytes;
    std::byte* const to = slot.data.data() + at * simd::weight_row_bytes(slot.type, columns);
    float* const to_scales = each == 0 ? nullptr : slot.scales.data() + at * each;
    bool legal = true;
    if (type == WeightType::kByte && slot.type == WeightType::kByte) {
      // Rounded already: the levels are kept. -128 is beyond what sums of products count on.
      const float scale = scales[i];
      legal = scale - scale == 0.0f && std::none_of(source, source + slot.columns, [](std::byte b) {
                return std::to_integer<std::int8_t>(b) == -128;
              });
      std::memcpy(to, source, slot.columns);
      *to_scales = legal ? scale : 0.0f;
    } else {
      simd::widen_source(type, source, type == WeightType::kByte ? scales[i] : 1.0f, slot.columns, row_.data());
      legal = simd::kernel_store_weights(slot.type, row_.data(), slot.columns, columns, to, to_scales);
    }
    if (!legal)
      return Status::fail(ErrorCode::kInvalidArgument, "row " + std::to_string(at) + " of " + name(index) +
                                                           " has a number that is not finite as it is to be stored");
    slot.written[at] = 1;
  }
  return {};
}

Status ModelWeights::read(std::size_t index, std::size_t first, std::size_t rows, std::int8_t* levels,
                          float* scales) const {
  if (Status checked = check_rows(index, first, rows); !checked.ok()) return checked;
  const WeightSlot& slot = slots_[index];
  if (slot.type != WeightType::kByte)
    return Status::fail(ErrorCode::kUnsupported, name(index) + " is not stored as bytes");
  const std::size_t columns = simd::weight_columns(slot.columns);
  for (std::size_t i = 0; i < rows; ++i) {
    std::memcpy(levels + i * slot.columns, slot.data.data() + (first + i) * columns, slot.columns);
    scales[i] = slot.scales[first + i];
  }
  return {};
}

Status ModelWeights::complete() const {
  for (std::size_t i = 0; i < count_; ++i) {
    const WeightSlot& slot = slots_[i];
    const auto written =
        static_cast<std::size_t>(std::count(slot.written.data(), slot.written.data() + slot.rows, std::uint8_t{1}));
    if (written != slot.rows)
      return Status::fail(ErrorCode::kInvalidArgument, std::to_string(slot.rows - written) + " of " +
                                                           std::to_string(slot.rows) + " rows of " + name(i) +
                                                           " were not written");
  }
  return {};
}

}  // namespace heed
