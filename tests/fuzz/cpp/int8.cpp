// Target "int8": screening in bytes over keys and over a cache. The set is always that of a sort, every bound holds.
#include "searches.hpp"

using namespace heed;

namespace {

void search_keys(fuzz::Bytes& bytes) {
  const test::Inputs inputs = fuzz::draw_plain_problem(bytes, 70, 420);
  const RetrievalOptions options = fuzz::draw_retrieval(bytes, Search::kInt8, inputs.shape.keys);
  fuzz::note() = fuzz::in_words(inputs, options.budget) + ", keys";
  const test::Sparse result = test::retrieve_topk(inputs, options);
  test::expect_exact_sets(inputs, options.budget, result);
  fuzz::expect_sound(inputs, result);
}

void search_cache(fuzz::Bytes& bytes) {
  const test::Inputs inputs = fuzz::draw_decode_problem(bytes, 420);
  KvCache cache = test::filled_cache(inputs, bytes.PickValueInArray(test::kRowTypes));
  const Budget budget = fuzz::draw_budget(bytes, inputs.shape.keys, true);
  fuzz::note() = fuzz::in_words(inputs, budget) + ", cache of " + test::name_of(cache.shape().type);
  const test::Sparse result = test::decode_topk(cache, inputs, budget, fuzz::draw_estimator(bytes), CacheSearch::kByte,
                                                1 + fuzz::below(bytes, 8) / 7);
  fuzz::expect_cached_sets(cache, inputs, budget, result, true);
  fuzz::expect_sound(test::as_cached(cache, inputs), result);
}

}  // namespace

HEED_FUZZ_TARGET { bytes.ConsumeBool() ? search_cache(bytes) : search_keys(bytes); }
