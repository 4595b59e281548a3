// Every shape of decoder against the oracle, and every way to go through a text against the others.
#include "reference/attention.hpp"
#include "reference/selection.hpp"
#include "reference/sparse.hpp"
#include "support/compare.hpp"
#include "support/tiny_model.hpp"

namespace heed::test {
namespace {

struct Named {
  const char* name;
  void (*change)(ModelShape&);
};

class Shapes : public ::testing::TestWithParam<Named> {};

constexpr std::size_t kTokens = 40;

// Logits of all positions by the oracle.
std::vector<std::vector<double>> expected_logits(const TinyModel& model, const std::vector<std::uint32_t>& ids,
                                                 const reference::Attention& attention = {}) {
  return reference::decoder_logits(config_of(model.weights.shape()), model.floats, ids, attention);
}

std::vector<double> expected_losses(const std::vector<std::vector<double>>& logits,
                                    const std::vector<std::uint32_t>& ids) {
  std::vector<double> losses;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) losses.push_back(reference::decoder_loss(logits[i], ids[i + 1]));
  return losses;
}

TEST_P(Shapes, ABlockGivesTheOraclesLogitsAndLosses) {
  ModelShape shape = tiny_shape();
  GetParam().change(shape);
  const TinyModel model(shape);
  const auto ids = model.ids(kTokens);
  const auto logits = expected_logits(model, ids);
  KvCache cache = model.cache(64);
  const Outcome outcome = run_model(model.weights, cache, ids);
  EXPECT_EQ(cache.length(), kTokens);
  EXPECT_TRUE(close(logits.back(), outcome.logits));
  EXPECT_TRUE(close(expected_losses(logits, ids), outcome.losses));
  EXPECT_EQ(outcome.losses.back(), -1.0f) << "written without a target";
}

TEST_P(Shapes, TokenByTokenGivesTheOraclesLogits) {
  ModelShape shape = tiny_shape();
  GetParam().change(shape);
  const TinyModel model(shape);
  const auto ids = model.ids(kTokens);
  const auto logits = expected_logits(model, ids);
  KvCache cache = model.cache(64);
  for (std::size_t i = 0; i < kTokens; ++i)
    ASSERT_TRUE(close(logits[i], run_model(model.weights, cache, {ids[i]}).logits)) << "at token " << i;
}

INSTANTIATE_TEST_SUITE_P(
    Decoder, Shapes,
    ::testing::Values(Named{"Tied", [](ModelShape&) {}}, Named{"Untied", [](ModelShape& s) { s.tied = false; }},
                      Named{"QueryAndKeyNorm", [](ModelShape& s) { s.qk_norm = true; }},
                      Named{"BiasOfQueriesKeysValues", [](ModelShape& s) { s.qkv_bias = true; }},
                      Named{"AllBiases", [](ModelShape& s) { s.qkv_bias = s.out_bias = s.mlp_bias = true; }},
                      Named{"NoSharedKeys", [](ModelShape& s) { s.kv_heads = 4; }},
                      Named{"OneKeyHead", [](ModelShape& s) { s.kv_heads = 1; }},
                      Named{"WideRows",
                            [](ModelShape& s) {
                              s.width = 300;  // more than a piece of kWeightPiece columns
                              s.hidden = 530;
                            }},
                      Named{"LargeVocabulary", [](ModelShape& s) { s.vocab = 2100; }},  // three segments of a loss
                      Named{"Linear",
                            [](ModelShape& s) {
                              s.rope.kind = RopeKind::kLinear;
                              s.rope.factor = 4.0;
                            }},
                      Named{"Dynamic",
                            [](ModelShape& s) {
                              s.rope.kind = RopeKind::kDynamic;
                              s.rope.factor = 2.0;
                            }},
                      Named{"Llama3",
                            [](ModelShape& s) {
                              s.rope.kind = RopeKind::kLlama3;
                              s.rope.factor = 8.0;
                              s.rope.original = 64;
                            }},
                      Named{"Yarn",
                            [](ModelShape& s) {
                              s.rope.kind = RopeKind::kYarn;
                              s.rope.factor = 4.0;
                              s.rope.original = 64;
                            }},
                      Named{"YarnWithScales",
                            [](ModelShape& s) {
                              s.rope.kind = RopeKind::kYarn;
                              s.rope.factor = 4.0;
                              s.rope.original = 64;
                              s.rope.beta_fast = 8.0;
                              s.rope.mscale = 0.7;
                              s.rope.mscale_all = 1.2;
                              s.rope.truncate = false;
                            }},
                      Named{"YarnWithFactor",
                            [](ModelShape& s) {
                              s.rope.kind = RopeKind::kYarn;
                              s.rope.factor = 4.0;
                              s.rope.original = 64;
                              s.rope.attention = 1.3;
                            }}),
    [](const auto& info) { return info.param.name; });

TEST(Decoder, ChunksTokensAndCachedPrefixesAgree) {
  const TinyModel model(tiny_shape());
  const auto ids = model.ids(kTokens);
  KvCache whole = model.cache(64);
  const Outcome once = run_model(model.weights, whole, ids);
  for (const std::size_t chunk : {1u, 3u, 13u, 16u, 39u}) {
    KvCache cache = model.cache(64);
    const Outcome cut = run_model(model.weights, cache, ids, {kExactPolicy, kExactPolicy + kPolicyNumbers}, chunk);
    EXPECT_TRUE(close({once.logits.begin(), once.logits.end()}, cut.logits)) << "chunks of " << chunk;
    EXPECT_TRUE(close({once.losses.begin(), once.losses.end()}, cut.losses)) << "chunks of " << chunk;
  }
  // A fork of a prefix goes on like the whole, and leaves the prefix alone.
  KvCache prefix = model.cache(64), fork = model.cache(64);
  run_model(model.weights, prefix, {ids.begin(), ids.begin() + 25});
  ASSERT_TRUE(fork.fork(prefix).ok());
  const Outcome rest = run_model(model.weights, fork, {ids.begin() + 25, ids.end()});
  EXPECT_TRUE(close({once.logits.begin(), once.logits.end()}, rest.logits));
  EXPECT_EQ(prefix.length(), 25u);
  // So does a cache that was longer.
  ASSERT_TRUE(whole.rewind(25).ok());
  EXPECT_TRUE(same_bits(rest.logits, run_model(model.weights, whole, {ids.begin() + 25, ids.end()}).logits));
}

TEST(Decoder, ThreadsChangeNothing) {
  ModelShape shape = tiny_shape();
  shape.width = 300;
  shape.hidden = 2100;  // products that are worth waking threads for
  shape.vocab = 2100;
  const TinyModel model(shape);
  const auto ids = model.ids(70);
  for (const std::vector<double>& policy :
       {std::vector<double>(kExactPolicy, kExactPolicy + kPolicyNumbers), top_k_policy(5, Estimator::kLinear)}) {
    KvCache one = model.cache(128), three = model.cache(128);
    const Outcome a = run_model(model.weights, one, ids, policy, 32, 1);
    const Outcome b = run_model(model.weights, three, ids, policy, 32, 3);
    EXPECT_TRUE(same_bits(a.logits, b.logits) && same_bits(a.losses, b.losses));
    EXPECT_TRUE(same_bits(run_model(model.weights, one, {ids[0]}, policy, 0, 1).logits,
                          run_model(model.weights, three, {ids[0]}, policy, 0, 3).logits));
  }
}

// What a policy makes of a row's scores, by the oracle.
std::vector<double> sparse_weights(std::vector<double> scores, std::size_t k, Estimator estimator) {
  const std::vector<double> p = reference::softmax(scores);
  std::vector<std::uint32_t> kept = reference::first_k({scores.begin(), scores.end()}, std::min(k, scores.size()));
  std::sort(kept.begin(), kept.end());
  switch (estimator) {
    case Estimator::kRenormalized:
      return reference::renormalized(p, kept);
    case Estimator::kRaw:
      return reference::raw(p, kept);
    case Estimator::kCompensated:
      return reference::compensated(p, kept);
    case Estimator::kLinear:
      return reference::linear(p, scores, kept);
  }
  return p;
}

TEST(Decoder, EveryEstimatorInBlocksAndTokenByToken) {
  const TinyModel model(tiny_shape());
  const auto ids = model.ids(kTokens);
  for (const Estimator estimator :
       {Estimator::kRenormalized, Estimator::kRaw, Estimator::kCompensated, Estimator::kLinear}) {
    const auto logits = expected_logits(model, ids, [&](std::size_t, std::size_t, const std::vector<double>& scores) {
      return sparse_weights(scores, 5, estimator);
    });
    // Taken as flat where its scores are nearly equal (sparse/tail.hpp), which two dropped ones may be.
    const double bound = estimator == Estimator::kLinear ? 5e-3 : kDecoderError;
    const std::vector<double> policy = top_k_policy(5, estimator);
    KvCache cache = model.cache(64), chunks = model.cache(64), tokens = model.cache(64);
    const Outcome outcome = run_model(model.weights, cache, ids, policy);
    EXPECT_TRUE(close(logits.back(), outcome.logits, bound)) << "estimator " << static_cast<int>(estimator);
    EXPECT_TRUE(close(expected_losses(logits, ids), outcome.losses, bound))
        << "estimator " << static_cast<int>(estimator);
    EXPECT_TRUE(close(logits.back(), run_model(model.weights, chunks, ids, policy, 11).logits, bound));
    for (std::size_t i = 0; i < kTokens; ++i)
      ASSERT_TRUE(close(logits[i], run_model(model.weights, tokens, {ids[i]}, policy).logits, bound))
          << "estimator " << static_cast<int>(estimator) << ", token " << i;
  }
}

TEST(Decoder, ASearchInBytesKeepsTheSameTokens) {
  // In one layer, so that what the rounded scores change in the mass of the others cannot change a later choice.
  ModelShape shape = tiny_shape();
  shape.layers = 1;
  const TinyModel model(shape);
  const auto ids = model.ids(kTokens);
  for (const Estimator estimator : {Estimator::kRenormalized, Estimator::kCompensated, Estimator::kLinear}) {
    KvCache exact = model.cache(64), bytes = model.cache(64);
    std::vector<double> policy = top_k_policy(5, estimator);
    for (const std::uint32_t id : ids) {
      policy[11] = 1.0;
      const std::vector<float> expected = run_model(model.weights, exact, {id}, policy).logits;
      policy[11] = 2.0;
      // Renormalized weights are those of the kept tokens alone.
      ASSERT_TRUE(close({expected.begin(), expected.end()}, run_model(model.weights, bytes, {id}, policy).logits,
                        estimator == Estimator::kRenormalized ? kDecoderError : 0.1));
    }
  }
}

TEST(Decoder, WindowsAndSinksInBlocksAndTokenByToken) {
  const TinyModel model(tiny_shape());
  const auto ids = model.ids(kTokens);
  const auto hidden = [](std::vector<double> scores) {
    for (std::size_t j = 2; j + 6 < scores.size(); ++j) scores[j] = -std::numeric_limits<double>::infinity();
    return scores;
  };
  std::vector<double> exact(kExactPolicy, kExactPolicy + kPolicyNumbers),
      sparse = top_k_policy(4, Estimator::kRenormalized);
  exact[1] = sparse[1] = 6.0;
  exact[2] = 2.0;
  sparse[2] = 2.0;
  const auto windowed = expected_logits(model, ids, [&](std::size_t, std::size_t, const std::vector<double>& scores) {
    return reference::softmax(hidden(scores));
  });
  const auto both = expected_logits(model, ids, [&](std::size_t, std::size_t, const std::vector<double>& scores) {
    // Sinks are kept first and counted in k.
    const std::vector<double> seen = hidden(scores);
    std::vector<float> ranked(seen.begin(), seen.end());
    for (std::size_t j = 0; j < std::min<std::size_t>(2, ranked.size()); ++j) ranked[j] = 1e9f;
    std::vector<std::uint32_t> kept = reference::first_k(ranked, std::min<std::size_t>(4, ranked.size()));
    std::sort(kept.begin(), kept.end());
    return reference::renormalized(reference::softmax(seen), kept);
  });
  for (const auto& [policy, logits] : {std::pair{&exact, &windowed}, {&sparse, &both}}) {
    KvCache cache = model.cache(64), tokens = model.cache(64);
    EXPECT_TRUE(close(logits->back(), run_model(model.weights, cache, ids, *policy).logits));
    for (std::size_t i = 0; i < kTokens; ++i)
      ASSERT_TRUE(close((*logits)[i], run_model(model.weights, tokens, {ids[i]}, *policy).logits)) << "token " << i;
  }
}

TEST(Decoder, SharesOfTheMassAndThresholds) {
  const TinyModel model(tiny_shape());
  const auto ids = model.ids(kTokens);
  const auto logits = expected_logits(model, ids, [&](std::size_t, std::size_t, const std::vector<double>& scores) {
    const std::vector<double> p = reference::softmax(scores);
    std::vector<std::uint32_t> kept;
    for (std::uint32_t j = 0; j < p.size(); ++j)
      if (p[j] >= 0.07) kept.push_back(j);
    if (kept.empty()) kept = reference::first_k({scores.begin(), scores.end()}, 1);
    return reference::compensated(p, kept);
  });
  std::vector<double> policy = top_k_policy(0, Estimator::kCompensated);
  policy[9] = 0.07;
  KvCache cache = model.cache(64), tokens = model.cache(64);
  EXPECT_TRUE(close(logits.back(), run_model(model.weights, cache, ids, policy).logits));
  for (std::size_t i = 0; i < kTokens; ++i)
    ASSERT_TRUE(close(logits[i], run_model(model.weights, tokens, {ids[i]}, policy).logits)) << "token " << i;
}

TEST(Decoder, PoliciesOfLayersAndHeads) {
  const TinyModel model(tiny_shape());
  const ModelShape& shape = model.weights.shape();
  const auto ids = model.ids(kTokens);
  // Head h of layer l keeps 2 + l + h tokens; head 1 is exact.
  std::vector<double> policies;
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    for (std::size_t head = 0; head < shape.heads; ++head) {
      std::vector<double> policy = top_k_policy(2 + layer + head, Estimator::kRaw);
      if (head == 1) policy[0] = 1.0;
      policies.insert(policies.end(), policy.begin(), policy.end());
    }
  }
  const auto by_head =
      expected_logits(model, ids, [&](std::size_t layer, std::size_t head, const std::vector<double>& scores) {
        return head == 1 ? reference::softmax(scores) : sparse_weights(scores, 2 + layer + head, Estimator::kRaw);
      });
  KvCache cache = model.cache(64), tokens = model.cache(64);
  EXPECT_TRUE(close(by_head.back(), run_model(model.weights, cache, ids, policies).logits));
  for (std::size_t i = 0; i < kTokens; ++i)
    ASSERT_TRUE(close(by_head[i], run_model(model.weights, tokens, {ids[i]}, policies).logits)) << "token " << i;

  std::vector<double> layers(kExactPolicy, kExactPolicy + kPolicyNumbers);
  const std::vector<double> second = top_k_policy(3, Estimator::kCompensated);
  layers.insert(layers.end(), second.begin(), second.end());
  const auto by_layer =
      expected_logits(model, ids, [&](std::size_t layer, std::size_t, const std::vector<double>& scores) {
        return layer == 0 ? reference::softmax(scores) : sparse_weights(scores, 3, Estimator::kCompensated);
      });
  KvCache again = model.cache(64);
  EXPECT_TRUE(close(by_layer.back(), run_model(model.weights, again, ids, layers).logits));
}

TEST(Decoder, CachesOfHalfFloatsAndBytes) {
  const TinyModel model(tiny_shape());
  const auto ids = model.ids(kTokens);
  const auto logits = expected_logits(model, ids);
  for (const auto& [type, bound] : {std::pair{simd::RowType::kHalf, 2e-2}, {simd::RowType::kByte, 0.15}}) {
    KvCache cache = model.cache(64, type), tokens = model.cache(64, type);
    const Outcome block = run_model(model.weights, cache, ids);
    EXPECT_TRUE(close(logits.back(), block.logits, bound));
    Outcome last;
    for (const std::uint32_t id : ids) last = run_model(model.weights, tokens, {id});
    EXPECT_TRUE(close(logits.back(), last.logits, bound));
  }
}

}  // namespace
}  // namespace heed::test
