// Target "pages": branch and bound over keys and over a cache. The set is that of a sort, or the search stopped with a
// certificate that it may stop at; every bound holds.
#include "searches.hpp"

using namespace heed;

namespace {

constexpr double kEnough[] = {0.0, 0.0, 0.01, 0.3, 0.9};

void search_keys(fuzz::Bytes& bytes) {
  const test::Inputs inputs = fuzz::draw_plain_problem(bytes, 70, 420);
  RetrievalOptions options = fuzz::draw_retrieval(bytes, Search::kPages, inputs.shape.keys);
  options.enough = bytes.PickValueInArray(kEnough);
  fuzz::note() = fuzz::in_words(inputs, options.budget) + ", keys";
  const test::Sparse result = test::retrieve_topk(inputs, options);
  fuzz::expect_sound(inputs, result);
  if (options.enough == 0.0) return test::expect_exact_sets(inputs, options.budget, result);
  RetrievalOptions exact = options;
  exact.enough = 0.0;
  const test::Sparse whole = test::retrieve_topk(inputs, exact);
  test::expect_exact_sets(inputs, options.budget, whole);
  for (std::size_t r = 0; r < inputs.rows(); ++r)
    if (result.keys_of(r) != whole.keys_of(r)) ASSERT_LE(double{result.bound[r]}, options.enough);
}

void search_cache(fuzz::Bytes& bytes) {
  const test::Inputs inputs = fuzz::draw_decode_problem(bytes, 420);
  KvCache cache = test::filled_cache(inputs, bytes.PickValueInArray(test::kRowTypes));
  CacheTopKOptions options{.budget = fuzz::draw_budget(bytes, inputs.shape.keys, true),
                           .estimator = Estimator::kRenormalized,
                           .search = CacheSearch::kBoxes};
  options.enough = bytes.PickValueInArray(kEnough);
  options.sampled = fuzz::below(bytes, 3) == 0;
  if (options.sampled) options.estimator = fuzz::draw_estimator(bytes);
  fuzz::note() = fuzz::in_words(inputs, options.budget) + ", cache of " + test::name_of(cache.shape().type);
  const fuzz::Retrieved result = fuzz::decode_retrieved(cache, inputs, options, 1 + fuzz::below(bytes, 8) / 7);
  fuzz::expect_cached_sets(cache, inputs, options.budget, result, false, options.enough);
  fuzz::expect_sound(test::as_cached(cache, inputs), result);
}

}  // namespace

HEED_FUZZ_TARGET { bytes.ConsumeBool() ? search_cache(bytes) : search_keys(bytes); }
