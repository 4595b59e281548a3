// What a run refuses, what it takes back, and what its profile and its report say.
#include "reference/attention.hpp"
#include "support/compare.hpp"
#include "support/tiny_model.hpp"

namespace heed::test {
namespace {

class Runs : public ::testing::Test {
 protected:
  Status status_of(RunOptions options) {
    TaskPool pool;
    return ModelRun(model.weights, cache, options, pool).status();
  }
  void refuses(const RunOptions& options, const char* word) {
    const Status status = status_of(options);
    EXPECT_EQ(status.code, ErrorCode::kInvalidArgument) << word;
    EXPECT_NE(status.detail.find(word), std::string::npos) << status.detail;
    EXPECT_EQ(cache.length(), 0u);
  }

  TinyModel model{tiny_shape()};
  KvCache cache = model.cache(16);
  std::vector<std::uint32_t> ids = model.ids(10);
  RunOptions options{.ids = ids.data(), .tokens = 10, .policies = kExactPolicy, .policy_count = 1};
};

TEST_F(Runs, RefuseWhatCannotBe) {
  EXPECT_TRUE(status_of(options).ok());
  RunOptions bad = options;
  bad.tokens = 0;
  refuses(bad, "tokens is 0");
  std::vector<std::uint32_t> beyond = ids;
  beyond[3] = 101;
  bad = options;
  bad.ids = beyond.data();
  refuses(bad, "ids[3] is 101");
  bad = options;
  float losses[10];
  bad.targets = beyond.data();
  refuses(bad, "targets");
  bad.losses = losses;
  refuses(bad, "targets[3] is 101");
  bad = options;
  bad.policy_count = 3;
  refuses(bad, "policyCount is 3");
  std::vector<double> policy = top_k_policy(0, Estimator::kLinear);
  policy[4] = -1.0;
  bad = options;
  bad.policies = policy.data();
  refuses(bad, "attention[0].keep.alpha");
  policy = top_k_policy(3, static_cast<Estimator>(7));
  bad.policies = policy.data();
  refuses(bad, "no estimator");
  const auto many = model.ids(17);
  bad = options;
  bad.ids = many.data();
  bad.tokens = 17;
  refuses(bad, "exceed its capacity, 16");
}

TEST_F(Runs, NeedWholeWeightsAndACacheOfTheirShape) {
  const ModelWeights empty(tiny_shape());
  TaskPool pool;
  EXPECT_NE(ModelRun(empty, cache, options, pool).status().detail.find("rows of model.embed_tokens.weight"),
            std::string::npos);
  KvCache other({.layers = 3, .kv_heads = 2, .head_dim = 10, .value_dim = 10, .capacity = 16});
  EXPECT_EQ(ModelRun(model.weights, other, options, pool).status().code, ErrorCode::kShapeMismatch);
}

TEST_F(Runs, ThatEndEarlyTakeBackWhatTheyAppended) {
  const Outcome before = run_model(model.weights, cache, {ids.begin(), ids.begin() + 4});
  options.ids += 4;
  options.tokens = 6;
  options.chunk = 2;
  TaskPool pool;
  const std::size_t units = ModelRun(model.weights, cache, options, pool).units();
  EXPECT_EQ(units, 3u * (model.weights.shape().layers + 1));
  for (std::size_t stop = 0; stop < units; ++stop) {
    {
      ModelRun run(model.weights, cache, options, pool);
      run.run({0, stop});
      EXPECT_TRUE(run.status().ok());
    }
    for (std::size_t layer = 0; layer < model.weights.shape().layers; ++layer)
      ASSERT_EQ(cache.length(layer), 4u) << "stopped before unit " << stop;
  }
  const Outcome after = run_model(model.weights, cache, {ids.begin() + 4, ids.end()});
  KvCache fresh = model.cache(16);
  EXPECT_TRUE(close({after.logits.begin(), after.logits.end()}, run_model(model.weights, fresh, ids).logits));
}

TEST_F(Runs, ProfilesAddUpWhatTheOracleSees) {
  const ModelShape& shape = model.weights.shape();
  // Per layer and head, over all rows.
  struct Sums {
    double entropy = 0.0, dropped = 0.0, sigma = 0.0, self = 0.0;
  };
  std::vector<Sums> sums(shape.layers * shape.heads);
  (void)reference::decoder_logits(config_of(shape), model.floats, ids,
                                  [&](std::size_t layer, std::size_t head, const std::vector<double>& scores) {
                                    std::vector<double> p = reference::softmax(scores);
                                    Sums& to = sums[layer * shape.heads + head];
                                    double mean = 0.0, squares = 0.0;
                                    for (std::size_t j = 0; j < p.size(); ++j) {
                                      to.entropy -= p[j] * std::log(p[j]);
                                      mean += scores[j] / static_cast<double>(p.size());
                                      squares += scores[j] * scores[j] / static_cast<double>(p.size());
                                    }
                                    to.sigma += std::sqrt(std::max(0.0, squares - mean * mean));
                                    to.self += p.back();
                                    std::vector<double> sorted = p;
                                    std::sort(sorted.begin(), sorted.end());
                                    double dropped = 0.0;
                                    for (std::size_t j = 0; j + 3 < sorted.size(); ++j) dropped += sorted[j];
                                    to.dropped += dropped;
                                    return p;
                                  });
  // Every token is kept in the second half of the test, so that later layers see the same.
  std::vector<double> sparse = top_k_policy(3, Estimator::kRenormalized);
  for (const std::size_t chunk : {1u, 4u, 10u}) {
    std::vector<double> profile(shape.layers * shape.heads * kProfiled, 0.0), first(profile);
    KvCache exact = model.cache(16), kept = model.cache(16);
    run_model(model.weights, exact, ids, {kExactPolicy, kExactPolicy + kPolicyNumbers}, chunk, 1, profile.data());
    run_model(model.weights, kept, ids, sparse, chunk, 1, first.data());
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const double* const row = profile.data() + i * kProfiled;
      EXPECT_EQ(row[kRows], 10.0);
      EXPECT_EQ(row[kKept], 55.0);
      EXPECT_EQ(row[kDropped], 0.0);
      EXPECT_NEAR(row[kEntropy], sums[i].entropy, 1e-3);
      EXPECT_NEAR(row[kSigma], sums[i].sigma, 1e-3);
      EXPECT_NEAR(row[kSelf], sums[i].self, 1e-3);
      EXPECT_NEAR(row[kInputPower], 10.0, 1e-2);
      EXPECT_GT(row[kInputPeak], 1.0);
    }
    // The first layer's inputs are the same whatever the policy.
    for (std::size_t h = 0; h < shape.heads; ++h) {
      const double* const row = first.data() + h * kProfiled;
      EXPECT_EQ(row[kKept], 1.0 + 2.0 + 8.0 * 3.0);
      EXPECT_NEAR(row[kDropped], sums[h].dropped, 1e-3);
      EXPECT_GE(row[kBound], row[kDropped]);
    }
  }
}

TEST_F(Runs, ReportWhatTheirPoliciesKnow) {
  const ModelShape& shape = model.weights.shape();
  // Of the first layer, whose inputs no policy changes: what the 3 largest of a row leave, of the whole row and of the
  // last 4 in it.
  std::vector<double> of_all(shape.heads, 0.0), of_window(shape.heads, 0.0);
  (void)reference::decoder_logits(
      config_of(shape), model.floats, ids, [&](std::size_t layer, std::size_t head, const std::vector<double>& scores) {
        const auto left = [](std::vector<double> shown) {
          std::vector<double> p = reference::softmax(shown);
          std::sort(p.begin(), p.end());
          double sum = 0.0;
          for (std::size_t j = 0; j + 3 < p.size(); ++j) sum += p[j];
          return sum;
        };
        if (layer == 0) {
          of_all[head] += left(scores);
          std::vector<double> shown(scores.end() - std::min<std::ptrdiff_t>(4, std::ssize(scores)), scores.end());
          of_window[head] += left(shown);
        }
        return reference::softmax(scores);
      });
  const std::vector<double> exact(kExactPolicy, kExactPolicy + kPolicyNumbers);
  std::vector<double> kept = top_k_policy(3, Estimator::kLinear), windowed = kept, window = exact;
  windowed[1] = window[1] = 4.0;
  for (const std::size_t chunk : {1u, 4u, 10u}) {
    for (const std::vector<double>& policy : {exact, kept, windowed, window}) {
      std::vector<double> report(shape.layers * shape.heads * kReported, 0.0);
      KvCache fresh = model.cache(16);
      run_model(model.weights, fresh, ids, policy, chunk, 1, nullptr, report.data());
      const double seen = policy[1] == 0.0 ? 55.0 : 1.0 + 2.0 + 3.0 + 7.0 * 4.0;
      for (std::size_t i = 0; i < shape.layers * shape.heads; ++i) {
        const double* const row = report.data() + i * kReported;
        EXPECT_EQ(row[kReportRows], 10.0);
        EXPECT_EQ(row[kReportSeen], seen);
        EXPECT_EQ(row[kReportKept], policy[0] == 1.0 ? seen : 1.0 + 2.0 + 8.0 * 3.0);
        EXPECT_GE(row[kReportBound], row[kReportDropped]);
        if (policy[0] == 1.0)
          EXPECT_EQ(row[kReportBound], 0.0);
        else if (i < shape.heads)
          EXPECT_NEAR(row[kReportDropped], (policy[1] == 0.0 ? of_all : of_window)[i], 1e-3);
      }
    }
  }
}

TEST_F(Runs, WindowsDropWhatTheyHide) {
  const ModelShape& shape = model.weights.shape();
  std::vector<double> dropped(shape.heads, 0.0);
  (void)reference::decoder_logits(config_of(shape), model.floats, ids,
                                  [&](std::size_t layer, std::size_t head, const std::vector<double>& scores) {
                                    const std::vector<double> p = reference::softmax(scores);
                                    for (std::size_t j = 1; layer == 0 && j + 3 < p.size(); ++j) dropped[head] += p[j];
                                    return p;
                                  });
  std::vector<double> policy(kExactPolicy, kExactPolicy + kPolicyNumbers);
  policy[1] = 3.0;
  policy[2] = 1.0;
  for (const std::size_t chunk : {1u, 10u}) {
    std::vector<double> profile(shape.layers * shape.heads * kProfiled, 0.0);
    KvCache fresh = model.cache(16);
    run_model(model.weights, fresh, ids, policy, chunk, 1, profile.data());
    for (std::size_t h = 0; h < shape.heads; ++h) {
      EXPECT_NEAR(profile[h * kProfiled + kDropped], dropped[h], 1e-3);
      EXPECT_EQ(profile[h * kProfiled + kKept], 1.0 + 2.0 + 3.0 + 7.0 * 4.0);
    }
  }
}

TEST_F(Runs, NormIsTheRotaryAverageOfTheWeights) {
  const ModelShape& shape = model.weights.shape();
  std::vector<double> profile(shape.layers * shape.heads * kProfiled, 0.0);
  run_model(model.weights, cache, ids, {kExactPolicy, kExactPolicy + kPolicyNumbers}, 0, 1, profile.data());
  // ||W_m||_F^2 of head 3 on key head 1, averaged over angles that go around evenly for every pair by itself.
  const std::vector<float>&q = model.floats["model.layers.1.self_attn.q_proj.weight"],
        &k = model.floats["model.layers.1.self_attn.k_proj.weight"],
        &gain = model.floats["model.layers.1.input_layernorm.weight"];
  const std::size_t width = shape.width, d = shape.head_dim, pairs = d / 2;
  double total = 0.0;
  for (std::size_t f = 0; f < pairs; ++f) {
    constexpr int kAngles = 8;
    for (int step = 0; step < kAngles; ++step) {
      const double angle = 2.0 * 3.14159265358979323846 * step / kAngles;
      for (std::size_t a = 0; a < width; ++a) {
        for (std::size_t b = 0; b < width; ++b) {
          const double q0 = double{q[(3 * d + f) * width + a]} * double{gain[a]},
                       q1 = double{q[(3 * d + f + pairs) * width + a]} * double{gain[a]},
                       k0 = double{k[(d + f) * width + b]} * double{gain[b]},
                       k1 = double{k[(d + f + pairs) * width + b]} * double{gain[b]};
          const double entry =
              q0 * (k0 * std::cos(angle) - k1 * std::sin(angle)) + q1 * (k1 * std::cos(angle) + k0 * std::sin(angle));
          total += entry * entry / kAngles;
        }
      }
    }
  }
  EXPECT_NEAR(profile[(shape.heads + 3) * kProfiled + kNorm], std::sqrt(total / static_cast<double>(d)), 1e-4);
}

}  // namespace
}  // namespace heed::test
