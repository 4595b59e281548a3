// The shape of a decoder in the Llama architecture, as its config.json says it.
//
//   x_0 = embedding[id]
//   x  += W_o attention(rope(W_q h), rope(W_k h), W_v h)      h = rms_norm(x)
//   x  += W_down (silu(W_gate h) * W_up h)                    h = rms_norm(x)
//   logits = head rms_norm(x)
//
// Llama 2 and 3, SmolLM2, Mistral (without its window), Qwen 2 (bias of q, k, v) and Qwen 3 (RMS norm of each head's q
// and k) are such decoders.
#pragma once

#include "base/status.hpp"
#include "model/rope.hpp"
#include "simd/weight_rows.hpp"

namespace heed {

struct ModelShape {
  std::size_t layers = 0;
  std::size_t width = 0;  // hidden_size
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  std::size_t hidden = 0;  // intermediate_size
  std::size_t vocab = 0;
  double epsilon = 1e-5;  // of the norms
  bool tied = false;      // the head is the embedding
  bool qk_norm = false;
  bool qkv_bias = false;
  bool out_bias = false;
  bool mlp_bias = false;
  Rope rope;

  // How weights are stored: q, k, v, o, gate, up, down; the embedding; a head of its own.
  simd::WeightType matrices = simd::WeightType::kFloat;
  simd::WeightType embedding = simd::WeightType::kFloat;
  simd::WeightType head = simd::WeightType::kFloat;

  std::size_t query_width() const noexcept { return heads * head_dim; }
  std::size_t key_width() const noexcept { return kv_heads * head_dim; }
  double scale() const noexcept;
};

/// What a file can get wrong about a shape. Names are those of the raw interface.
Status validate(const ModelShape& shape);

}  // namespace heed
