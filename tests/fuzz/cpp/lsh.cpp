// Target "lsh": the approximate searches, hashes over keys and sketches over a cache. What they find is possible, what
// they say about it is true: the recall is that of a sort, every bound holds.
#include "searches.hpp"

using namespace heed;

namespace {

float recall_of(const std::vector<std::uint32_t>& found, const std::vector<std::uint32_t>& best) {
  std::vector<std::uint32_t> both;
  std::set_intersection(found.begin(), found.end(), best.begin(), best.end(), std::back_inserter(both));
  return static_cast<float>(both.size()) / static_cast<float>(best.size());
}

void search_keys(fuzz::Bytes& bytes) {
  const test::Inputs inputs = fuzz::draw_plain_problem(bytes, 70, 420);
  RetrievalOptions options = fuzz::draw_retrieval(bytes, Search::kLsh, inputs.shape.keys);
  std::vector<float> recall(RetrievedAttention::kRecallRows, -1.0f);
  options.recall = recall.data();
  fuzz::note() = fuzz::in_words(inputs, options.budget) + ", keys";
  const test::Sparse result = test::retrieve_topk(inputs, options);
  fuzz::expect_possible_sets(inputs, options.budget, result);
  fuzz::expect_sound(inputs, result);
  const std::size_t rows = inputs.rows();
  const test::Sparse exact = test::retrieve_topk(inputs, {.search = Search::kPages, .budget = options.budget});
  for (std::size_t slot = 0; slot < recall.size(); ++slot) {
    if (recall[slot] < 0.0f) continue;
    const std::size_t r = (2 * slot + 1) * rows / (2 * recall.size());
    ASSERT_EQ(recall[slot], recall_of(result.keys_of(r), exact.keys_of(r))) << "row " << r;
  }
}

void search_cache(fuzz::Bytes& bytes) {
  const test::Inputs inputs = fuzz::draw_decode_problem(bytes, 420);
  KvCache cache = test::filled_cache(inputs, bytes.PickValueInArray(test::kRowTypes));
  CacheTopKOptions options{.budget = fuzz::draw_budget(bytes, inputs.shape.keys, true),
                           .estimator = Estimator::kRenormalized,
                           .search = CacheSearch::kSketches};
  options.sampled = fuzz::below(bytes, 3) == 0;
  if (options.sampled) options.estimator = fuzz::draw_estimator(bytes);
  fuzz::note() = fuzz::in_words(inputs, options.budget) + ", cache of " + test::name_of(cache.shape().type);
  const fuzz::Retrieved result = fuzz::decode_retrieved(cache, inputs, options, 1 + fuzz::below(bytes, 8) / 7);
  fuzz::expect_possible_sets(inputs, options.budget, result);
  fuzz::expect_sound(test::as_cached(cache, inputs), result);
  for (const reference::Row row : inputs.each_row()) {
    const std::size_t visible = inputs.shape.end(row.query), r = row.query * inputs.shape.heads + row.head;
    if (visible == 0) continue;
    const std::vector<float> scores = fuzz::row_scores(cache, inputs, row);
    const bool spoiled = fuzz::spoiled(scores);
    ASSERT_EQ(std::isnan(result.recall[r]), spoiled) << "row " << r;
    if (spoiled) continue;
    // Of equal scores any will do.
    const std::vector<std::uint32_t> best = fuzz::best_keys(scores, options.budget.entries(visible));
    float cut = simd::kInfinity;
    for (const std::uint32_t token : best) cut = std::min(cut, scores[token]);
    std::size_t hits = 0;
    for (const std::uint32_t token : result.keys_of(r)) hits += scores[token] >= cut ? 1 : 0;
    ASSERT_EQ(result.recall[r], static_cast<float>(hits) / static_cast<float>(best.size())) << "row " << r;
  }
}

}  // namespace

HEED_FUZZ_TARGET { bytes.ConsumeBool() ? search_cache(bytes) : search_keys(bytes); }
