// Target "cache-operations": any sequence of calls on a few caches, some of which share pages. After each call every
// cache holds what the plain model holds; what searches keep beside the tokens says what it says in a cache that was
// made new from the same bytes.
#include "cache/evict.hpp"
#include "held_cache.hpp"

using namespace heed;

namespace {

class Operations {
 public:
  explicit Operations(fuzz::Bytes& bytes) : bytes_(bytes) {
    // A page has 1024 tokens, what searches keep 4096.
    shape_ = {.layers = 1 + fuzz::below(bytes, 2),
              .kv_heads = 1 + fuzz::below(bytes, 2),
              .head_dim = bytes.PickValueInArray<std::size_t>({1, 3, 4, 8, 16}),
              .value_dim = 1 + fuzz::below(bytes, 4),
              .capacity = bytes.PickValueInArray<std::size_t>({1, 30, 64, 65, 300, 1024, 1100, 4200}),
              .type = bytes.PickValueInArray(test::kRowTypes)};
    held_.push_back(std::make_unique<fuzz::HeldCache>(shape_));
    EXPECT_TRUE(held_[0]->cache.status().ok());
  }

  void step() {
    fuzz::HeldCache& one = *held_[fuzz::below(bytes_, held_.size())];
    switch (fuzz::below(bytes_, 10)) {
      case 0:
      case 1:
      case 2:
        return append(one);
      case 3:
        return rewind(one);
      case 4:
        return fork(one);
      case 5:
        return restore(one);
      case 6:
        return evict_from(one);
      case 7:
        return drop_or_clear(one);
      case 9:
        return record(one);
      default:
        return look(one);
    }
  }

  void expect_unchanged() const {
    for (const auto& one : held_) one->expect_unchanged();
  }

 private:
  std::size_t below(std::size_t n) { return fuzz::below(bytes_, n); }

  std::vector<float> numbers(std::size_t count) {
    std::vector<float> all = test::gaussian(count, bytes_.ConsumeIntegral<std::uint8_t>());
    if (count != 0)
      for (std::size_t edits = below(4); edits > 0; --edits) all[below(count)] = fuzz::odd_number(bytes_);
    return all;
  }

  void append(fuzz::HeldCache& one) {
    const std::size_t layer = below(shape_.layers), first = one.cache.length(layer);
    const std::size_t tokens = below(bytes_.PickValueInArray<std::size_t>({4, 4, 70, 70, 1200, 4300}));
    const std::vector<float> keys = numbers(tokens * shape_.kv_heads * shape_.head_dim);
    const std::vector<float> values = numbers(tokens * shape_.kv_heads * shape_.value_dim);
    const Status status = one.cache.append(layer, keys.data(), values.data(), tokens, pool_);
    ASSERT_EQ(status.ok(), first + tokens <= shape_.capacity) << status.detail;
    if (!status.ok()) return;
    ASSERT_EQ(one.cache.length(layer), first + tokens);
    one.expect_appended(layer, first, keys, values);
    for (std::size_t g = 0; g < shape_.kv_heads; ++g)
      for (std::size_t t = first; t < first + tokens; ++t)
        one.tokens[layer][g].push_back(fuzz::token_of(one.cache, layer, g, t));
  }

  void rewind(fuzz::HeldCache& one) {
    std::size_t longest = 0;
    for (std::size_t layer = 0; layer < shape_.layers; ++layer) longest = std::max(longest, one.cache.length(layer));
    const std::size_t length = bytes_.ConsumeBool() ? below(longest + 2) : longest - std::min(longest, below(5));
    if (bytes_.ConsumeBool()) {
      const std::size_t layer = below(shape_.layers);
      const bool legal = length <= one.cache.length(layer);
      ASSERT_EQ(one.cache.rewind(layer, length).ok(), legal);
      for (std::vector<fuzz::Token>& all : one.tokens[layer]) all.resize(one.cache.length(layer));
      for (std::size_t g = 0; g < shape_.kv_heads; ++g) one.sums_of(g);
      return;
    }
    const Status status = one.cache.rewind(length);
    ASSERT_EQ(status.ok(), length <= longest) << status.detail;
    if (!status.ok()) return;
    for (auto& heads : one.tokens)
      for (std::vector<fuzz::Token>& all : heads) all.resize(std::min(all.size(), length));
    for (std::size_t g = 0; g < shape_.kv_heads; ++g) one.sums_of(g);
  }

  void fork(fuzz::HeldCache& one) {
    if (held_.size() >= 3) return;
    auto copy = std::make_unique<fuzz::HeldCache>(shape_);
    ASSERT_TRUE(copy->cache.fork(one.cache).ok());
    copy->tokens = one.tokens;
    copy->sums = one.sums;
    held_.push_back(std::move(copy));
  }

  // Its own bytes, at times with some changed: then they are refused and change nothing, or read as what they say.
  void restore(fuzz::HeldCache& one) {
    std::vector<std::byte> file = fuzz::saved(one.cache);
    const bool changed = bytes_.ConsumeBool();
    if (changed) {
      for (std::size_t edits = 1 + below(4); edits > 0; --edits)
        file[below(bytes_.ConsumeBool() ? std::min<std::size_t>(file.size(), 48) : file.size())] =
            static_cast<std::byte>(bytes_.ConsumeIntegral<std::uint8_t>());
      if (below(4) == 0) file.resize(below(file.size() + 9));
    }
    fuzz::HeldCache& target = *held_[below(held_.size())];
    const std::unique_ptr<std::byte[]> exact(new std::byte[file.size()]);  // so that reads behind it are seen
    std::copy(file.begin(), file.end(), exact.get());
    const Status status = restore_cache(exact.get(), file.size(), target.cache);
    if (!changed) {
      ASSERT_TRUE(status.ok()) << status.detail;
      target.tokens = one.tokens;
      target.sums = one.sums;
    } else if (status.ok()) {
      ASSERT_EQ(fuzz::saved(target.cache), file);
      target.read_again();
    }
  }

  test::Inputs queries(const fuzz::HeldCache& one) {
    const std::size_t length = one.cache.length(0);
    AttentionShape shape = test::newest(1 + below(9), length, shape_.head_dim);
    shape.value_dim = shape_.value_dim;
    shape.kv_heads = shape_.kv_heads;
    shape.heads = shape_.kv_heads * (1 + below(2));
    std::vector<float> keys, values;
    for (std::size_t t = 0; t < length; ++t)
      for (std::size_t g = 0; g < shape_.kv_heads; ++g) {
        const fuzz::Token& token = one.tokens[0][g][t];
        const auto middle = token.begin() + static_cast<std::ptrdiff_t>(shape_.head_dim);
        keys.insert(keys.end(), token.begin(), middle);
        values.insert(values.end(), middle, token.end());
      }
    return {shape, numbers(test::query_size(shape)), keys, values};
  }

  // What tokens receive of a step goes to their sums; spoiled rows give nothing.
  void record(fuzz::HeldCache& one) {
    const test::Inputs inputs = queries(one);
    const std::size_t count = shape_.kv_heads * inputs.shape.keys;
    test::Guarded<double> received(count);
    MonitorOptions monitor;
    monitor.received = received.data();
    test::run_decode(one.cache, test::decode_problem(inputs, nullptr, nullptr), monitor);
    ASSERT_TRUE(received.guards_intact());
    double all = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_GE(received[i], 0.0);
      all += received[i];
    }
    ASSERT_LE(all, static_cast<double>(inputs.rows()) * (1.0 + 1e-5));
    ASSERT_TRUE(one.cache.record(0, received.data(), inputs.shape.keys, pool_).ok());
    for (std::size_t g = 0; g < shape_.kv_heads; ++g)
      for (std::size_t t = 0; t < inputs.shape.keys; ++t) one.sums_of(g)[t] += received[g * inputs.shape.keys + t];
  }

  // Each head keeps an ordered part of what it had, all as many.
  void evict_from(fuzz::HeldCache& one) {
    if (one.cache.length(0) == 0) return;
    const test::Inputs inputs = queries(one);
    EvictOptions options{
        .policy = bytes_.PickValueInArray({EvictPolicy::kRecent, EvictPolicy::kVotes, EvictPolicy::kLoss}),
        .sinks = below(5),
        .recent = below(70)};
    options.keep = below(200);
    options.width = 1 + 2 * below(4);
    options.loss = bytes_.PickValueInArray({0.0, 0.01, 0.5, 1.0});
    options.recorded = options.policy != EvictPolicy::kRecent && bytes_.ConsumeBool();
    test::Guarded<float> lost(inputs.rows());
    options.lost = lost.data();
    const bool legal = !options.recorded || one.cache.recorded().length(0) != 0;
    ASSERT_EQ(evict(one.cache, test::decode_problem(inputs, nullptr, nullptr), options, pool_).ok(), legal);
    if (!legal) return;
    ASSERT_TRUE(lost.guards_intact());
    for (std::size_t g = 0; g < shape_.kv_heads; ++g) {
      const std::vector<fuzz::Token>& before = one.tokens[0][g];
      std::size_t from = 0;
      for (std::size_t t = 0; t < one.cache.length(0); ++t, ++from) {
        const fuzz::Token token = fuzz::token_of(one.cache, 0, g, t);
        while (from < before.size() && !fuzz::same(before[from], token)) ++from;
        ASSERT_LT(from, before.size()) << "token " << t << " is none that was there, or out of order";
      }
    }
    one.read_again();
  }

  void drop_or_clear(fuzz::HeldCache& one) {
    if (held_.size() > 1) {
      held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(below(held_.size())));
      return;
    }
    one.cache.clear();
    for (auto& heads : one.tokens)
      for (std::vector<fuzz::Token>& all : heads) all.clear();
    for (std::vector<double>& all : one.sums) all.clear();
  }

  // The same call on the cache and on one that is made new from its bytes.
  void look(fuzz::HeldCache& one) {
    test::Inputs inputs = queries(one);
    if (inputs.shape.keys == 0) return;
    KvCache fresh(shape_);
    const std::vector<std::byte> file = fuzz::saved(one.cache);
    ASSERT_TRUE(restore_cache(file.data(), file.size(), fresh).ok());
    const Budget budget = fuzz::draw_budget(bytes_, inputs.shape.keys, true);
    switch (below(4)) {
      case 0: {
        inputs.accumulate =
            bytes_.PickValueInArray({Accumulate::kFloat, Accumulate::kCompensated, Accumulate::kDouble});
        const test::Exact a = test::decode(one.cache, inputs), b = test::decode(fresh, inputs);
        ASSERT_TRUE(test::same_bits(a.out, b.out) && test::same_bits(a.lse, b.lse));
        return;
      }
      case 1: {
        const CacheSearch search = bytes_.ConsumeBool() ? CacheSearch::kByte : CacheSearch::kExact;
        const Estimator estimator = fuzz::draw_estimator(bytes_);
        watch(one.cache, inputs, {.budget = budget, .estimator = estimator, .search = search});
        expect_same(one, inputs, budget, test::decode_topk(one.cache, inputs, budget, estimator, search),
                    test::decode_topk(fresh, inputs, budget, estimator, search), true, true);
        return;
      }
      case 2:
        return look_at_whole_rows(one, fresh, inputs);
      default: {
        CacheTopKOptions options{.budget = budget, .estimator = Estimator::kRenormalized};
        options.search = bytes_.ConsumeBool() ? CacheSearch::kBoxes : CacheSearch::kSketches;
        options.sampled = bytes_.ConsumeBool();
        if (options.sampled) options.estimator = fuzz::draw_estimator(bytes_);
        expect_same(one, inputs, budget, fuzz::decode_retrieved(one.cache, inputs, options),
                    fuzz::decode_retrieved(fresh, inputs, options), options.search == CacheSearch::kBoxes, false);
      }
    }
  }

  // Rules, budgets of probabilities, for all heads or each, and certificates.
  void look_at_whole_rows(fuzz::HeldCache& one, KvCache& fresh, test::Inputs inputs) {
    if (bytes_.ConsumeBool()) fuzz::draw_rules(bytes_, inputs);
    if (below(4) == 0) inputs.shape.sinks = below(inputs.shape.keys + 2);
    CacheTopKOptions options{.budget = fuzz::draw_budget(bytes_, inputs.shape.keys, false),
                             .estimator = fuzz::draw_estimator(bytes_)};
    std::vector<Budget> budgets;
    if (bytes_.ConsumeBool()) {
      for (std::size_t head = 0; head < inputs.shape.heads; ++head)
        budgets.push_back(fuzz::draw_budget(bytes_, inputs.shape.keys, false));
      options.head_budgets = budgets.data();
    }
    if (!validate(options, inputs.shape.heads).ok()) return;
    fuzz::note() = fuzz::in_words(inputs, options.budget);
    const bool certified = bytes_.ConsumeBool();
    const test::Sparse result = test::decode_topk<CacheWholeRows>(one.cache, inputs, options, certified);
    const test::Sparse again = test::decode_topk<CacheWholeRows>(fresh, inputs, options, certified, 1 + below(2));
    ASSERT_EQ(result.indices, again.indices);
    for (const auto member :
         {&test::Sparse::out, &test::Sparse::dropped, &test::Sparse::bound, &test::Sparse::single_gap,
          &test::Sparse::head_aware, &test::Sparse::blockwise, &test::Sparse::output_error, &test::Sparse::logit_error})
      ASSERT_TRUE(test::same_bits(result.*member, again.*member));
    const TopKOptions asked{.budget = options.budget, .head_budgets = options.head_budgets};
    test::expect_exact_sets(inputs, asked, result, test::scores_in(one.cache, inputs));
    fuzz::expect_sound(test::as_cached(one.cache, inputs), result,
                       [&](std::size_t r, const test::SeenRow& seen, const auto& kept) {
                         if (seen.p.empty() || !certified) return;
                         const double tau = std::min(1.0, reference::dropped_mass(seen.p, seen.places(kept)));
                         for (const auto* bound : {&result.single_gap, &result.head_aware, &result.blockwise})
                           ASSERT_GE(double{(*bound)[r]}, tau);
                       });
  }

  void watch(KvCache& cache, const test::Inputs& inputs, CacheTopKOptions options) {
    test::Guarded<float> out(inputs.out_size());
    test::Guarded<double> watched(inputs.rows() * kKeptMonitored);
    options.monitor = {0.01, 0.05, watched.data()};
    CacheTopK job(cache, test::decode_problem(inputs, out.data(), nullptr), options, pool_);
    ASSERT_TRUE(job.status().ok()) << job.status().detail;
    job.run({0, job.units()});
    fuzz::expect_watched(watched);
  }

  void expect_same(const fuzz::HeldCache& one, const test::Inputs& inputs, const Budget& budget,
                   const test::Sparse& result, const test::Sparse& fresh, bool exact, bool spoiled_too) {
    ASSERT_EQ(result.indices, fresh.indices);
    ASSERT_TRUE(test::same_bits(result.out, fresh.out));
    ASSERT_TRUE(test::same_bits(result.bound, fresh.bound));
    ASSERT_TRUE(test::same_bits(result.dropped, fresh.dropped));
    if (exact) fuzz::expect_cached_sets(one.cache, inputs, budget, result, spoiled_too);
  }

  fuzz::Bytes& bytes_;
  TaskPool pool_;
  CacheShape shape_;
  std::vector<std::unique_ptr<fuzz::HeldCache>> held_;
};

}  // namespace

HEED_FUZZ_TARGET {
  const std::size_t before = live_bytes();
  {
    Operations operations(bytes);
    for (int steps = 0; steps < 16 && bytes.remaining_bytes() > 0; ++steps) {
      operations.step();
      operations.expect_unchanged();
    }
  }
  EXPECT_EQ(live_bytes(), before) << "pages are lost";
}
