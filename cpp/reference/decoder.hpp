// The oracle for the decoder: a Llama as its paper and transformers' modeling_llama describe it, all positions at once,
// in double, with a matrix of scores per head and no cache. Frequencies of the rotary positions are written after
// transformers' modeling_rope_utils, term by term.
//
// It shares nothing with model/, not even a description of a shape, and is as slow as it looks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace heed::reference {

/// config.json, by its own names. `rope_type`: default, linear, dynamic, llama3, yarn.
struct DecoderConfig {
  std::size_t num_hidden_layers, hidden_size, num_attention_heads, num_key_value_heads, head_dim, intermediate_size,
      vocab_size;
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = true;
  std::string rope_type = "default";
  double rope_theta = 10000.0, factor = 1.0;
  double original_max_position_embeddings = 2048.0;
  double low_freq_factor = 1.0, high_freq_factor = 4.0;
  double beta_fast = 32.0, beta_slow = 1.0, attention_factor = 0.0, mscale = 0.0, mscale_all_dim = 0.0;
  bool truncate = true;
};

/// Weights by their names in the files; biases and norms of q and k are used where they are there.
using DecoderWeights = std::map<std::string, std::vector<float>>;

/// Weights to attend with, from a row's scores with all tokens up to its own. Softmax where none is given.
using Attention = std::function<std::vector<double>(std::size_t layer, std::size_t head, std::vector<double> scores)>;

/// (tokens, vocab_size): logits of every position. `scores`, where wanted, receives those of each layer, head, row.
std::vector<std::vector<double>> decoder_logits(const DecoderConfig& config, const DecoderWeights& weights,
                                                const std::vector<std::uint32_t>& ids, const Attention& attention = {});

/// theta_c of a token at `position`, and what cosines and sines are multiplied by.
std::vector<double> rope_frequencies(const DecoderConfig& config, double position);
double rope_attention_factor(const DecoderConfig& config);

/// -ln softmax(logits)[target]
double decoder_loss(const std::vector<double>& logits, std::uint32_t target);

}  // namespace heed::reference
