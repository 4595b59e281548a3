// Queries, keys and values of a trained model (tests/golden/qkv): attention as it really is. Reads exactly the files
// that make_qkv.mjs writes: safetensors with float16 tensors q, k and v of shape (tokens, heads, 64).
#pragma once

#include <fstream>
#include <iterator>

#include "base/half.hpp"
#include "support/golden.hpp"
#include "support/inputs.hpp"

namespace heed::test {

inline constexpr std::size_t kRealTokens = 320;

/// Layer 0, 3 or 6: two query heads on one key head, causal, scale 1/8.
inline Inputs real_inputs(int layer) {
  const std::string name = "qkv/layer-" + std::to_string(layer) + ".safetensors";
  std::ifstream in(golden_path(name), std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const AttentionShape shape{.queries = kRealTokens,
                             .keys = kRealTokens,
                             .heads = 2,
                             .kv_heads = 1,
                             .head_dim = 64,
                             .value_dim = 64,
                             .causal = true};
  std::size_t header = 0;
  for (std::size_t i = 8; i-- > 0;) header = header * 256 + static_cast<unsigned char>(file.at(i));
  const auto tensor = [&](const std::string& part, std::size_t count) {
    const std::size_t entry = file.find("\"" + part + "\":{\"dtype\":\"F16\"");
    const std::size_t offsets = file.find("\"data_offsets\":[", entry) + 16;
    const std::size_t begin = std::stoul(file.substr(offsets));
    const std::size_t end = std::stoul(file.substr(file.find(',', offsets) + 1));
    EXPECT_EQ(end - begin, 2 * count) << part << " of " << name;
    std::vector<float> numbers(count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = 8 + header + begin + 2 * i;
      const unsigned low = static_cast<unsigned char>(file.at(at)), high = static_cast<unsigned char>(file.at(at + 1));
      numbers[i] = widen_half(static_cast<std::uint16_t>(low | high << 8));
    }
    return numbers;
  };
  Inputs inputs(shape, tensor("q", query_size(shape)), tensor("k", key_size(shape)), tensor("v", value_size(shape)));
  inputs.scale = 0.125f;
  return inputs;
}

}  // namespace heed::test
