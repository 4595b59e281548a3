// A small decoder with random weights, of any shape that model/ has, for it and for the oracle alike.
#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.hpp"
#include "model/run.hpp"
#include "reference/decoder.hpp"
#include "support/seed.hpp"

namespace heed::test {

/// The oracle's words for a shape. The other way about would let it judge a shape by itself.
inline reference::DecoderConfig config_of(const ModelShape& s) {
  constexpr const char* kRopes[] = {"default", "linear", "dynamic", "llama3", "yarn"};
  return {.num_hidden_layers = s.layers,
          .hidden_size = s.width,
          .num_attention_heads = s.heads,
          .num_key_value_heads = s.kv_heads,
          .head_dim = s.head_dim,
          .intermediate_size = s.hidden,
          .vocab_size = s.vocab,
          .rms_norm_eps = s.epsilon,
          .tie_word_embeddings = s.tied,
          .rope_type = kRopes[static_cast<int>(s.rope.kind)],
          .rope_theta = s.rope.theta,
          .factor = s.rope.factor,
          .original_max_position_embeddings = static_cast<double>(s.rope.original),
          .low_freq_factor = s.rope.low,
          .high_freq_factor = s.rope.high,
          .beta_fast = s.rope.beta_fast,
          .beta_slow = s.rope.beta_slow,
          .attention_factor = s.rope.attention,
          .mscale = s.rope.mscale,
          .mscale_all_dim = s.rope.mscale_all,
          .truncate = s.rope.truncate};
}

/// No size is a multiple of a tile, and head_dim is not width / heads.
inline ModelShape tiny_shape() {
  ModelShape s;
  s.layers = 2;
  s.width = 44;
  s.heads = 4;
  s.kv_heads = 2;
  s.head_dim = 10;
  s.hidden = 70;
  s.vocab = 101;
  s.tied = true;
  s.rope.theta = 500.0;
  s.rope.original = 16;
  return s;
}

class TinyModel {
 public:
  explicit TinyModel(const ModelShape& shape) : weights(shape) {
    EXPECT_TRUE(weights.status().ok()) << weights.status().detail;
    for (std::size_t i = 0; i < weights.slots(); ++i) {
      const WeightSlot& slot = weights.slot(i);
      std::vector<float> numbers(slot.rows * slot.columns);
      CounterRandom(seed(), 100 + i).fill_normal(0, numbers.size(), numbers.data());
      // Products of about 1, scores with some spread; gains about 1.
      const bool gain = weights.name(i).find("norm") != std::string::npos;
      const float scale = slot.rows == 1 ? 0.3f : 1.5f / std::sqrt(static_cast<float>(slot.columns));
      for (float& x : numbers) x = x * scale + (gain ? 1.0f : 0.0f);
      write(i, numbers);
      floats[weights.name(i)] = std::move(numbers);
    }
    EXPECT_TRUE(weights.complete().ok()) << weights.complete().detail;
  }

  void write(std::size_t slot, const std::vector<float>& numbers) {
    // In two slices, the second first.
    const std::size_t rows = weights.slot(slot).rows, columns = weights.slot(slot).columns, cut = rows / 2;
    const auto part = [&](std::size_t first, std::size_t count) {
      const Status status =
          weights.write(slot, first, count, reinterpret_cast<const std::byte*>(numbers.data() + first * columns),
                        simd::WeightType::kFloat, nullptr);
      EXPECT_TRUE(status.ok()) << status.detail;
    };
    part(cut, rows - cut);
    part(0, cut);
  }

  std::vector<std::uint32_t> ids(std::size_t count) const {
    std::vector<std::uint32_t> result(count);
    const CounterRandom random(seed(), 7);
    for (std::size_t i = 0; i < count; ++i)
      result[i] = static_cast<std::uint32_t>(random.bits(i) % weights.shape().vocab);
    return result;
  }

  KvCache cache(std::size_t capacity, simd::RowType type = simd::RowType::kFloat) const {
    return KvCache(cache_shape(weights.shape(), capacity, type));
  }

  ModelWeights weights;
  reference::DecoderWeights floats;
};

inline constexpr double kExactPolicy[kPolicyNumbers] = {1.0};

/// k tokens by an estimator; what else differs is set by the caller.
inline std::vector<double> top_k_policy(std::size_t k, Estimator estimator) {
  std::vector<double> policy(kPolicyNumbers, 0.0);
  policy[3] = static_cast<double>(k);
  policy[10] = static_cast<double>(static_cast<int>(estimator));
  return policy;
}

struct Outcome {
  std::vector<float> logits, losses;
};

/// All units of a run. Losses of what follows each token; the last has none.
inline Outcome run_model(const ModelWeights& weights, KvCache& cache, const std::vector<std::uint32_t>& ids,
                         std::vector<double> policies = {kExactPolicy, kExactPolicy + kPolicyNumbers},
                         std::size_t chunk = 0, std::size_t threads = 1, double* profile = nullptr,
                         double* report = nullptr) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  std::vector<std::uint32_t> targets(ids.begin() + 1, ids.end());
  targets.push_back(kNoTarget);
  Outcome outcome{std::vector<float>(weights.shape().vocab), std::vector<float>(ids.size(), -1.0f)};
  ModelRun run(weights, cache,
               {.ids = ids.data(),
                .tokens = ids.size(),
                .policies = policies.data(),
                .policy_count = policies.size() / kPolicyNumbers,
                .logits = outcome.logits.data(),
                .targets = targets.data(),
                .losses = outcome.losses.data(),
                .profile = profile,
                .report = report,
                .chunk = chunk},
               pool);
  EXPECT_TRUE(run.status().ok()) << run.status().detail;
  for (std::size_t unit = 0; unit < run.units() && run.status().ok(); ++unit) run.run({unit, unit + 1});
  EXPECT_TRUE(run.status().ok()) << run.status().detail;
  return outcome;
}

/// Family "decoder" (tests/README.md): absolute, for logits and losses of tiny models whose logits are of size 1.
inline constexpr double kDecoderError = 2e-5;

inline ::testing::AssertionResult close(const std::vector<double>& expected, const std::vector<float>& actual,
                                        double bound = kDecoderError) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(expected[i] - double{actual[i]});
    if (!(error <= bound))
      return ::testing::AssertionFailure() << "number " << i << " is " << actual[i] << ", expected " << expected[i];
  }
  return ::testing::AssertionSuccess();
}

}  // namespace heed::test
