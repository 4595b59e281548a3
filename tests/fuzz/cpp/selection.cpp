// Target "selection": the k best of any scores, NaN, infinities, zeros and ties among them, against a stable sort.
#include "reference/selection.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "problems.hpp"
#include "simd/block.hpp"
#include "support/compare.hpp"
#include "topk/order.hpp"
#include "topk/select.hpp"

using namespace heed;

namespace {

// Scores from the bytes' own bits, from few different values, or from a generator with some replaced.
std::vector<float> draw_scores(fuzz::Bytes& bytes) {
  const std::size_t kind = fuzz::below(bytes, 3), count = fuzz::size_up_to(bytes, 700);
  std::vector<float> scores(count);
  if (kind == 0) {
    const std::vector<std::uint8_t> bits = bytes.ConsumeBytes<std::uint8_t>(count * sizeof(float));
    if (!bits.empty()) std::memcpy(scores.data(), bits.data(), bits.size());
  } else if (kind == 1) {
    for (float& score : scores) score = fuzz::odd_number(bytes);
  } else {
    scores = test::gaussian(count, bytes.ConsumeIntegral<std::uint8_t>(), fuzz::odd_number(bytes));
    for (std::size_t edits = fuzz::below(bytes, 12); edits > 0; --edits)
      scores[fuzz::below(bytes, count)] = fuzz::odd_number(bytes);
  }
  return scores;
}

void expect_select(const std::vector<float>& scores, std::size_t k, const std::vector<std::uint32_t>& sorted) {
  test::Guarded<std::uint32_t> indices(sorted.size());
  test::Guarded<float> values(sorted.size());
  ASSERT_EQ(select_top_k(scores.data(), scores.size(), k, indices.data(), values.data()), sorted.size());
  ASSERT_EQ(indices.values(), sorted);
  for (std::size_t i = 0; i < sorted.size(); ++i) ASSERT_TRUE(test::same_bits(&scores[sorted[i]], &values[i], 1));
  ASSERT_TRUE(indices.guards_intact() && values.guards_intact());
}

void expect_cut(const std::vector<float>& scores, std::size_t k, const std::vector<std::uint32_t>& sorted) {
  const Cut cut = kth_best(scores.data(), scores.size(), k);
  const float last = scores[sorted[k - 1]];
  ASSERT_EQ(rank_key(cut.score), rank_key(last));
  const auto tied = std::count_if(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(k),
                                  [&](std::uint32_t i) { return rank_key(scores[i]) == rank_key(last); });
  ASSERT_EQ(cut.ties_kept, static_cast<std::size_t>(tied));
}

// keep_best() and separator() promise nothing for NaN.
void expect_kept(const std::vector<float>& scores, std::size_t k, std::vector<std::uint32_t> expected) {
  const std::size_t count = scores.size(), room = round_up(count, simd::kLanes);
  std::vector<float> padded(scores);
  padded.resize(room, NAN);
  test::Guarded<float> kept(padded);
  if (k < count) {
    if (const auto limit = separator(kept.data(), count, k))
      ASSERT_EQ(std::count_if(scores.begin(), scores.end(), [&](float s) { return s > *limit; }),
                static_cast<std::ptrdiff_t>(k));
  }
  std::vector<std::uint32_t> numbers(room, 0);
  for (std::uint32_t i = 0; i < count; ++i) numbers[i] = i;
  test::Guarded<std::uint32_t> indices(numbers);
  const float last = keep_best(kept.data(), indices.data(), count, k);
  ASSERT_EQ(rank_key(last), rank_key(scores[expected[k - 1]]));
  std::sort(expected.begin(), expected.end());
  ASSERT_EQ(std::vector<std::uint32_t>(indices.data(), indices.data() + k), expected);
  for (std::size_t i = 0; i < k; ++i) ASSERT_TRUE(test::same_bits(&scores[expected[i]], &kept[i], 1));
  ASSERT_TRUE(kept.guards_intact() && indices.guards_intact());
}

// Weights that are whole numbers add up exactly, so the count is unique.
void expect_mass(fuzz::Bytes& bytes, const std::vector<float>& scores) {
  std::vector<float> weights(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) weights[i] = static_cast<float>(rank_key(scores[i]) % 7);
  const double wanted = static_cast<double>(fuzz::below(bytes, 6 * scores.size() + 3));
  const std::vector<std::uint32_t> sorted = reference::first_k(scores, scores.size());
  std::size_t expected = 0;
  for (double sum = 0.0; expected < sorted.size() && sum < wanted;) sum += double{weights[sorted[expected++]]};
  ASSERT_EQ(count_to_mass(scores.data(), weights.data(), scores.size(), wanted), expected);
}

}  // namespace

HEED_FUZZ_TARGET {
  const std::vector<float> scores = draw_scores(bytes);
  const std::size_t k = fuzz::below(bytes, scores.size() + 3), most = std::min(k, scores.size());
  const std::vector<std::uint32_t> sorted = reference::first_k(scores, k);
  expect_select(scores, k, sorted);
  if (most != 0) expect_cut(scores, most, sorted);
  if (most != 0 && test::none_nan(scores.data(), scores.size())) expect_kept(scores, most, sorted);
  expect_mass(bytes, scores);
}
