#include "reference/decoder.hpp"

#include <algorithm>
#include <cmath>

#include "reference/attention.hpp"

namespace heed::reference {
namespace {

using Vector = std::vector<double>;

constexpr double kPi = 3.14159265358979323846;

// y = W x + b.
Vector linear(const DecoderWeights& weights, const std::string& name, const Vector& x) {
  const std::vector<float>& w = weights.at(name + ".weight");
  Vector y(w.size() / x.size(), 0.0);
  for (std::size_t r = 0; r < y.size(); ++r)
    for (std::size_t c = 0; c < x.size(); ++c) y[r] += double{w[r * x.size() + c]} * x[c];
  if (const auto bias = weights.find(name + ".bias"); bias != weights.end())
    for (std::size_t r = 0; r < y.size(); ++r) y[r] += double{bias->second[r]};
  return y;
}

Vector rms_norm(const Vector& x, const std::vector<float>& gain, double epsilon) {
  double squares = 0.0;
  for (const double v : x) squares += v * v;
  Vector y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] = x[i] / std::sqrt(squares / static_cast<double>(x.size()) + epsilon) * double{gain[i]};
  return y;
}

// x cos + rotate_half(x) sin.
Vector rotate(const Vector& x, const Vector& frequencies, double position, double factor) {
  const std::size_t half = x.size() / 2;
  Vector y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double angle = position * frequencies[i % half];
    const double turned = i < half ? -x[i + half] : x[i - half];
    y[i] = x[i] * factor * std::cos(angle) + turned * factor * std::sin(angle);
  }
  return y;
}

double yarn_get_mscale(double scale, double mscale) { return scale <= 1 ? 1.0 : 0.1 * mscale * std::log(scale) + 1.0; }

}  // namespace

double rope_attention_factor(const DecoderConfig& c) {
  if (c.rope_type != "yarn") return 1.0;
  if (c.attention_factor != 0.0) return c.attention_factor;
  if (c.mscale != 0.0 && c.mscale_all_dim != 0.0)
    return yarn_get_mscale(c.factor, c.mscale) / yarn_get_mscale(c.factor, c.mscale_all_dim);
  return yarn_get_mscale(c.factor, 1.0);
}

std::vector<double> rope_frequencies(const DecoderConfig& c, double position) {
  const double dim = static_cast<double>(c.head_dim), n = c.original_max_position_embeddings;
  double base = c.rope_theta;
  if (c.rope_type == "dynamic") {
    const double seq_len = std::max(position + 1.0, n);
    base = c.rope_theta * std::pow((c.factor * seq_len / n) - (c.factor - 1.0), dim / (dim - 2.0));
  }
  Vector inv_freq;
  for (std::size_t i = 0; i < c.head_dim; i += 2)
    inv_freq.push_back(1.0 / std::pow(base, static_cast<double>(i) / dim));
  if (c.rope_type == "linear")
    for (double& f : inv_freq) f /= c.factor;
  if (c.rope_type == "llama3") {
    const double low_freq_wavelen = n / c.low_freq_factor, high_freq_wavelen = n / c.high_freq_factor;
    for (double& f : inv_freq) {
      const double wavelen = 2.0 * kPi / f, own = f;
      if (wavelen > low_freq_wavelen) f = own / c.factor;
      if (wavelen >= high_freq_wavelen && wavelen <= low_freq_wavelen) {
        const double smooth = (n / wavelen - c.low_freq_factor) / (c.high_freq_factor - c.low_freq_factor);
        f = (1.0 - smooth) * own / c.factor + smooth * own;
      }
    }
  }
  if (c.rope_type == "yarn") {
    const auto find_correction_dim = [&](double num_rotations) {
      return (dim * std::log(n / (num_rotations * 2.0 * kPi))) / (2.0 * std::log(c.rope_theta));
    };
    double low = find_correction_dim(c.beta_fast), high = find_correction_dim(c.beta_slow);
    if (c.truncate) low = std::floor(low), high = std::ceil(high);
    low = std::max(low, 0.0), high = std::min(high, dim - 1.0);
    if (low == high) high += 0.001;
    for (std::size_t i = 0; i < inv_freq.size(); ++i) {
      const double linear_func = (static_cast<double>(i) - low) / (high - low);
      const double extrapolation_factor = 1.0 - std::min(1.0, std::max(0.0, linear_func));
      const double extrapolation = inv_freq[i], interpolation = inv_freq[i] / c.factor;
      inv_freq[i] = interpolation * (1.0 - extrapolation_factor) + extrapolation * extrapolation_factor;
    }
  }
  return inv_freq;
}

std::vector<std::vector<double>> decoder_logits(const DecoderConfig& c, const DecoderWeights& weights,
                                                const std::vector<std::uint32_t>& ids, const Attention& attention) {
  const std::size_t n = ids.size(), d = c.head_dim, group = c.num_attention_heads / c.num_key_value_heads;
  const std::vector<float>& embedding = weights.at("model.embed_tokens.weight");
  std::vector<Vector> x;
  for (const std::uint32_t id : ids) {
    const float* const row = embedding.data() + id * c.hidden_size;
    x.emplace_back(row, row + c.hidden_size);
  }
  for (std::size_t layer = 0; layer < c.num_hidden_layers; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    std::vector<Vector> q(n), k(n), v(n);
    for (std::size_t i = 0; i < n; ++i) {
      const Vector h = rms_norm(x[i], weights.at(at + "input_layernorm.weight"), c.rms_norm_eps);
      q[i] = linear(weights, at + "self_attn.q_proj", h);
      k[i] = linear(weights, at + "self_attn.k_proj", h);
      v[i] = linear(weights, at + "self_attn.v_proj", h);
      const Vector frequencies = rope_frequencies(c, static_cast<double>(i));
      const auto heads = [&](Vector& of, const std::string& norm) {
        for (std::size_t first = 0; first < of.size(); first += d) {
          Vector head(of.begin() + static_cast<std::ptrdiff_t>(first),
                      of.begin() + static_cast<std::ptrdiff_t>(first + d));
          if (const auto gain = weights.find(at + norm); gain != weights.end())
            head = rms_norm(head, gain->second, c.rms_norm_eps);
          head = rotate(head, frequencies, static_cast<double>(i), rope_attention_factor(c));
          std::copy(head.begin(), head.end(), of.begin() + static_cast<std::ptrdiff_t>(first));
        }
      };
      heads(q[i], "self_attn.q_norm.weight");
      heads(k[i], "self_attn.k_norm.weight");
    }
    for (std::size_t i = 0; i < n; ++i) {
      Vector mixed(c.num_attention_heads * d, 0.0);
      for (std::size_t head = 0; head < c.num_attention_heads; ++head) {
        Vector scores(i + 1, 0.0);
        for (std::size_t j = 0; j <= i; ++j) {
          for (std::size_t e = 0; e < d; ++e) scores[j] += q[i][head * d + e] * k[j][head / group * d + e];
          scores[j] /= std::sqrt(static_cast<double>(d));
        }
        const Vector p = attention ? attention(layer, head, scores) : softmax(scores);
        for (std::size_t j = 0; j <= i; ++j)
          for (std::size_t e = 0; e < d; ++e) mixed[head * d + e] += p[j] * v[j][head / group * d + e];
      }
      const Vector out = linear(weights, at + "self_attn.o_proj", mixed);
      for (std::size_t e = 0; e < x[i].size(); ++e) x[i][e] += out[e];
      const Vector h = rms_norm(x[i], weights.at(at + "post_attention_layernorm.weight"), c.rms_norm_eps);
      Vector gate = linear(weights, at + "mlp.gate_proj", h);
      const Vector up = linear(weights, at + "mlp.up_proj", h);
      for (std::size_t e = 0; e < gate.size(); ++e) gate[e] = gate[e] / (1.0 + std::exp(-gate[e])) * up[e];
      const Vector down = linear(weights, at + "mlp.down_proj", gate);
      for (std::size_t e = 0; e < x[i].size(); ++e) x[i][e] += down[e];
    }
  }
  std::vector<Vector> logits;
  for (std::size_t i = 0; i < n; ++i) {
    const Vector h = rms_norm(x[i], weights.at("model.norm.weight"), c.rms_norm_eps);
    logits.push_back(linear(weights, c.tie_word_embeddings ? "model.embed_tokens" : "lm_head", h));
  }
  return logits;
}

double decoder_loss(const std::vector<double>& logits, std::uint32_t target) {
  return log_sum_exp(logits) - logits[target];
}

}  // namespace heed::reference
