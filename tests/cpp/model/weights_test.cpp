// Slots, what is written to them, and what each type of weight does to products.
#include "base/half.hpp"
#include "support/compare.hpp"
#include "support/tiny_model.hpp"

/// The sanitizer would end the program where memory ends.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

namespace heed::test {
namespace {

using simd::WeightType;

TEST(Weights, SlotsHaveTheNamesAndSizesOfHuggingFace) {
  ModelShape shape = tiny_shape();
  shape.layers = 1;
  shape.tied = false;
  shape.qk_norm = shape.qkv_bias = true;
  const ModelWeights weights(shape);
  ASSERT_TRUE(weights.status().ok());
  const std::vector<std::pair<std::string, std::pair<std::size_t, std::size_t>>> expected = {
      {"model.embed_tokens.weight", {101, 44}},
      {"model.layers.0.input_layernorm.weight", {1, 44}},
      {"model.layers.0.self_attn.q_proj.weight", {40, 44}},
      {"model.layers.0.self_attn.q_proj.bias", {1, 40}},
      {"model.layers.0.self_attn.q_norm.weight", {1, 10}},
      {"model.layers.0.self_attn.k_proj.weight", {20, 44}},
      {"model.layers.0.self_attn.k_proj.bias", {1, 20}},
      {"model.layers.0.self_attn.k_norm.weight", {1, 10}},
      {"model.layers.0.self_attn.v_proj.weight", {20, 44}},
      {"model.layers.0.self_attn.v_proj.bias", {1, 20}},
      {"model.layers.0.self_attn.o_proj.weight", {44, 40}},
      {"model.layers.0.post_attention_layernorm.weight", {1, 44}},
      {"model.layers.0.mlp.gate_proj.weight", {70, 44}},
      {"model.layers.0.mlp.up_proj.weight", {70, 44}},
      {"model.layers.0.mlp.down_proj.weight", {44, 70}},
      {"model.norm.weight", {1, 44}},
      {"lm_head.weight", {101, 44}},
  };
  ASSERT_EQ(weights.slots(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(weights.name(i), expected[i].first);
    EXPECT_EQ((std::pair{weights.slot(i).rows, weights.slot(i).columns}), expected[i].second) << expected[i].first;
  }
}

TEST(Weights, ShapesThatCannotBeSayWhy) {
  const auto says = [](void (*change)(ModelShape&), const char* word) {
    ModelShape shape = tiny_shape();
    change(shape);
    const ModelWeights weights(shape);
    EXPECT_EQ(weights.status().code, ErrorCode::kInvalidArgument) << word;
    EXPECT_NE(weights.status().detail.find(word), std::string::npos) << weights.status().detail;
  };
  says([](ModelShape& s) { s.layers = 0; }, "layers is 0");
  says([](ModelShape& s) { s.width = std::size_t{1} << 30; }, "width is");
  says([](ModelShape& s) { s.kv_heads = 3; }, "kvHeads, 3, does not divide");
  says([](ModelShape& s) { s.head_dim = 9; }, "headDim is 9");
  says([](ModelShape& s) { s.epsilon = -1.0; }, "epsilon");
  says([](ModelShape& s) { s.rope.theta = 0.5; }, "ropeTheta");
  says([](ModelShape& s) { s.rope.factor = 0.5; }, "ropeFactor");
  says([](ModelShape& s) { s.rope.kind = static_cast<RopeKind>(9); }, "rope is 9");
  says([](ModelShape& s) { s.matrices = static_cast<WeightType>(5); }, "matrices is 5");
}

TEST(Weights, AModelBeyondMemoryIsAnErrorAndKeepsNothing) {
  const std::size_t before = live_bytes();
  ModelShape shape = tiny_shape();
  shape.vocab = 1u << 22;
  shape.width = 1u << 17;  // an embedding of two terabytes
  {
    const ModelWeights weights(shape);
    EXPECT_EQ(weights.status().code, ErrorCode::kOutOfMemory);
  }
  EXPECT_EQ(live_bytes(), before);
}

TEST(Weights, WhatIsWrittenMustBeFiniteWholeRowsOfTheSlot) {
  ModelWeights weights(tiny_shape());
  std::vector<float> row(44, 0.5f);
  const auto write = [&](std::size_t slot, std::size_t first, std::size_t rows, WeightType type = WeightType::kFloat,
                         const float* scales = nullptr) {
    return weights.write(slot, first, rows, reinterpret_cast<const std::byte*>(row.data()), type, scales);
  };
  EXPECT_TRUE(write(0, 100, 1).ok());
  EXPECT_EQ(write(0, 101, 1).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(write(0, 100, SIZE_MAX).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(write(weights.slots(), 0, 1).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(write(0, 0, 1, WeightType::kNibble).code, ErrorCode::kUnsupported);
  EXPECT_EQ(write(0, 0, 1, static_cast<WeightType>(-1)).code, ErrorCode::kUnsupported);
  EXPECT_EQ(write(0, 0, 1, WeightType::kByte).code, ErrorCode::kUnsupported);
  EXPECT_EQ(write(0, 0, 1, WeightType::kFloat, row.data()).code, ErrorCode::kUnsupported);
  row[43] = std::numeric_limits<float>::quiet_NaN();
  const Status spoiled = write(0, 7, 1);
  EXPECT_EQ(spoiled.code, ErrorCode::kInvalidArgument);
  EXPECT_NE(spoiled.detail.find("row 7 of model.embed_tokens.weight"), std::string::npos) << spoiled.detail;
  EXPECT_NE(weights.complete().detail.find("100 of 101 rows of model.embed_tokens.weight"), std::string::npos)
      << weights.complete().detail;

  ModelShape halves = tiny_shape();
  halves.embedding = WeightType::kHalf;
  ModelWeights narrow(halves);
  row[43] = 1e6f;  // finite, but not as a half float
  EXPECT_EQ(narrow.write(0, 0, 1, reinterpret_cast<const std::byte*>(row.data()), WeightType::kFloat, nullptr).code,
            ErrorCode::kInvalidArgument);
}

TEST(Weights, BytesComeBackAsTheyWereWritten) {
  ModelShape shape = tiny_shape();
  shape.embedding = WeightType::kByte;
  ModelWeights weights(shape);
  std::vector<std::int8_t> levels(2 * 44), back(2 * 44);
  for (std::size_t i = 0; i < levels.size(); ++i)
    levels[i] = static_cast<std::int8_t>(static_cast<int>(i * 3 % 255) - 127);
  const float scales[2] = {0.25f, 3.0f};
  float back_scales[2];
  ASSERT_TRUE(
      weights.write(0, 3, 2, reinterpret_cast<const std::byte*>(levels.data()), WeightType::kByte, scales).ok());
  ASSERT_TRUE(weights.read(0, 3, 2, back.data(), back_scales).ok());
  EXPECT_EQ(levels, back);
  EXPECT_EQ(back_scales[0], scales[0]);
  EXPECT_EQ(back_scales[1], scales[1]);
  EXPECT_EQ(weights.read(1, 0, 1, back.data(), back_scales).code, ErrorCode::kUnsupported);
  levels[5] = -128;
  EXPECT_EQ(weights.write(0, 3, 2, reinterpret_cast<const std::byte*>(levels.data()), WeightType::kByte, scales).code,
            ErrorCode::kInvalidArgument);
}

// The weights that a type stands for, by formulas of this test.
std::vector<float> rounded(WeightType type, const std::vector<float>& numbers, std::size_t columns) {
  std::vector<float> result = numbers;
  const std::size_t group = type == WeightType::kNibble ? 32 : columns;
  const float levels = type == WeightType::kNibble ? 7.0f : 127.0f;
  for (std::size_t row = 0; row < numbers.size(); row += columns) {
    for (std::size_t first = 0; first < columns; first += group) {
      float largest = 0.0f;
      for (std::size_t c = first; c < std::min(first + group, columns); ++c)
        largest = std::max(largest, std::abs(numbers[row + c]));
      for (std::size_t c = first; c < std::min(first + group, columns); ++c) {
        float& x = result[row + c];
        if (type == WeightType::kHalf) {
          x = static_cast<float>(static_cast<_Float16>(x));
        } else if (type == WeightType::kBrain) {
          const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
          const std::uint32_t low = bits & 0xFFFFu, up = low > 0x8000u || (low == 0x8000u && (bits >> 16 & 1u)) ? 1 : 0;
          x = std::bit_cast<float>(((bits >> 16) + up) << 16);
        } else if (type != WeightType::kFloat) {
          x = std::nearbyint(x * (1.0f / (largest / levels))) * (largest / levels);
        }
      }
    }
  }
  return result;
}

TEST(Weights, EveryTypeIsTheRoundingThatItSays) {
  for (const WeightType type :
       {WeightType::kFloat, WeightType::kHalf, WeightType::kBrain, WeightType::kByte, WeightType::kNibble}) {
    ModelShape shape = tiny_shape();
    shape.matrices = shape.embedding = type;
    shape.hidden = 530;  // more than a piece of the token
    TinyModel model(shape);
    for (std::size_t i = 0; i < model.weights.slots(); ++i)
      if (model.weights.slot(i).rows > 1)
        model.floats[model.weights.name(i)] =
            rounded(type, model.floats[model.weights.name(i)], model.weights.slot(i).columns);
    const auto ids = model.ids(20);
    const auto logits = reference::decoder_logits(config_of(shape), model.floats, ids);
    KvCache cache = model.cache(32), tokens = model.cache(32);
    // A token is rounded to 16 bits before it meets bytes: of a block only the last one, before the head.
    const bool whole = type == WeightType::kByte || type == WeightType::kNibble;
    EXPECT_TRUE(close(logits.back(), run_model(model.weights, cache, ids).logits, whole ? 3e-4 : kDecoderError))
        << static_cast<int>(type);
    for (std::size_t i = 0; i < ids.size(); ++i)
      ASSERT_TRUE(close(logits[i], run_model(model.weights, tokens, {ids[i]}).logits, whole ? 5e-3 : kDecoderError))
          << static_cast<int>(type) << ", token " << i;
  }
}

TEST(Weights, SourcesOfAllTypesArriveAsTheirNumbers) {
  ModelWeights weights(tiny_shape());
  std::vector<std::uint16_t> halves(44), brains(44);
  std::vector<std::int8_t> bytes(44);
  for (std::size_t c = 0; c < 44; ++c) {
    halves[c] = narrow_half(static_cast<float>(c) - 20.0f);
    brains[c] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(c) - 20.0f) >> 16);
    bytes[c] = static_cast<std::int8_t>(static_cast<int>(c) - 20);
  }
  const float scale = 0.5f;
  const auto write = [&](std::size_t row, const void* from, WeightType type, const float* scales) {
    EXPECT_TRUE(weights.write(0, row, 1, static_cast<const std::byte*>(from), type, scales).ok());
    return reinterpret_cast<const float*>(weights.slot(0).data.data()) + row * simd::weight_columns(44);
  };
  const float* const half = write(0, halves.data(), WeightType::kHalf, nullptr);
  const float* const brain = write(1, brains.data(), WeightType::kBrain, nullptr);
  const float* const byte = write(2, bytes.data(), WeightType::kByte, &scale);
  for (std::size_t c = 0; c < 44; ++c) {
    EXPECT_EQ(half[c], static_cast<float>(c) - 20.0f);
    EXPECT_EQ(brain[c], static_cast<float>(c) - 20.0f);
    EXPECT_EQ(byte[c], 0.5f * (static_cast<float>(c) - 20.0f));
  }
}

}  // namespace
}  // namespace heed::test
