#include "cache/box_visits.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "base/heap_sort.hpp"
#include "retrieve/exact_row.hpp"
#include "simd/softmax_pass.hpp"
#include "topk/select.hpp"

namespace heed {
namespace {

constexpr std::size_t kTokens = PageBoxes::kBoxTokens;

// Boxes before the first look at whether to stop for `enough`. A look costs an exponential for every box and token, so
// there are twice as many before the next.
constexpr std::size_t kFirstLook = 16;

// A box that was visited, or need not be.
constexpr float kNoBox = -simd::kInfinity;

}  // namespace

Cut take_best(const float* scores, const std::uint32_t* tokens, std::size_t count, FoundTokens& found) noexcept {
  found.count = std::min(found.wanted, count);
  if (found.count == 0) return {simd::kInfinity, 0};
  const Cut cut = kth_best(scores, count, found.count);
  // Token and the bits of its score in one number: its order is that of the tokens.
  const auto pack = [&](std::size_t i) {
    return std::uint64_t{tokens[i]} << 32 | std::bit_cast<std::uint32_t>(scores[i]);
  };
  std::size_t above = 0, at = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (scores[i] > cut.score) found.packed[above++] = pack(i);
  for (std::size_t i = 0; i < count; ++i)
    if (scores[i] == cut.score) found.packed[above + at++] = pack(i);
  // Of those at the cut the first tokens.
  heap_sort(found.packed + above, found.packed + above + at, std::less<>());
  heap_sort(found.packed, found.packed + found.count, std::less<>());
  for (std::size_t i = 0; i < found.count; ++i) {
    found.tokens[i] = static_cast<std::uint32_t>(found.packed[i] >> 32);
    found.scores[i] = std::bit_cast<float>(static_cast<std::uint32_t>(found.packed[i]));
  }
  return cut;
}

BoxVisits::Scratch BoxVisits::Scratch::cut(Pieces& pieces, std::size_t tokens, std::size_t most_kept) noexcept {
  const std::size_t boxes = round_up(tokens / kTokens + 1, PageBoxes::kPageBoxes), room = tokens + 2 * kTokens;
  Scratch s{};
  s.best_room = 2 * most_kept + 4 * kTokens;
  s.bounds = pieces.take<float>(boxes);
  s.heap = pieces.take<std::uint32_t>(boxes);
  s.scores = pieces.take<float>(room);
  s.tokens = pieces.take<std::uint32_t>(room);
  s.best = pieces.take<float>(s.best_room);
  s.terms = pieces.take<float>(room + boxes);
  return s;
}

// Bounds of all whole boxes, with the rounding of bounds and scores added.
void BoxVisits::bound_all(const float* query, double query_norm) noexcept {
  whole_ = row_.visible / kTokens;
  const double du = static_cast<double>(2 * cache_.shape().head_dim + 8) * 0x1p-24, gamma = 2.0 * du / (1.0 - du);
  alignas(64) float balls[PageBoxes::kPageBoxes];
  for (std::size_t first = 0; first < whole_; first += PageBoxes::kPageBoxes) {
    const std::size_t count = std::min(PageBoxes::kPageBoxes, whole_ - first), token = first * kTokens;
    const auto products = [&](const float* x, const simd::CachedRows& rows, std::size_t columns, float* to) {
      simd::kernel_row_scores(simd::RowType::kFloat, {x, nullptr, nullptr, 1}, rows, count, columns, to,
                              PageBoxes::kPageBoxes);
    };
    products(query, boxes_.rows(row_.layer, token, row_.g), boxes_.row_columns(), s_.bounds + first);
    products(query + boxes_.row_columns(), boxes_.means(row_.layer, token, row_.g), boxes_.columns(), balls);
    const float* const norms = boxes_.norms(row_.layer, token, row_.g);
    const float* const radii = boxes_.radii(row_.layer, token, row_.g);
    for (std::size_t i = 0; i < count; ++i) {
      const double reach = query_norm * double{norms[i]};
      const double bound = std::min(double{s_.bounds[first + i]}, double{balls[i]} + query_norm * double{radii[i]});
      // Numbers that are not finite, or products that may not be on the way.
      s_.bounds[first + i] = reach < 1e30
                                 ? std::nextafter(static_cast<float>(bound + gamma * reach + 1e-30), simd::kInfinity)
                                 : simd::kInfinity;
    }
  }
}

void BoxVisits::find(const float* query, double query_norm, FoundTokens& found) noexcept {
  bound_all(query, query_norm);
  const std::size_t wanted = found.wanted;
  if (row_.visible % kTokens != 0) visit(whole_, wanted);
  if (visit_highest(wanted)) {
    for (std::size_t box = 0; box < whole_; ++box)
      if (s_.bounds[box] != kNoBox && (scored_ < wanted || s_.bounds[box] >= floor_)) visit(box, wanted);
  }
  found.scored += scored_;
  found.rest = std::numeric_limits<double>::quiet_NaN();
  if (spoiled_) return;
  const Cut cut = take_best(s_.scores, s_.tokens, scored_, found);
  found.rest = 0.0;
  if (found.count == 0) return;
  double kept = 0.0;
  const float best = *std::max_element(found.scores, found.scores + found.count);
  found.known = others(best, cut, &kept);
  found.rest = found.known + unvisited(best);
  found.highest = double{cut.score};
  for (std::size_t box = 0; box < whole_; ++box) found.highest = std::max(found.highest, double{s_.bounds[box]});
}

// In order of falling bounds. False when no box is left that could matter.
bool BoxVisits::visit_highest(std::size_t wanted) noexcept {
  const auto lower = [this](std::uint32_t a, std::uint32_t b) {
    return s_.bounds[a] != s_.bounds[b] ? s_.bounds[a] < s_.bounds[b] : a > b;
  };
  waiting_ = whole_;
  for (std::size_t box = 0; box < whole_; ++box) s_.heap[box] = static_cast<std::uint32_t>(box);
  std::make_heap(s_.heap, s_.heap + whole_, lower);
  const std::size_t first = kFirstLook + 4 * wanted / kTokens;
  for (std::size_t look = kFirstLook; waiting_ != 0;) {
    const std::uint32_t box = s_.heap[0];
    if (scored_ >= wanted && s_.bounds[box] < floor_) return false;
    if (enough_ > 0.0 && visited_ >= look && scored_ >= wanted) {
      if (certified(wanted)) return false;
      look = 2 * visited_;
    }
    if (enough_ == 0.0 && visited_ >= first) return true;
    std::pop_heap(s_.heap, s_.heap + waiting_--, lower);
    visit(box, wanted);
  }
  return false;
}

void BoxVisits::visit(std::size_t box, std::size_t wanted) noexcept {
  const std::size_t first = box * kTokens, count = std::min(kTokens, row_.visible - first);
  float* const scores = s_.scores + scored_;
  row_.scores.form_row(row_.g, row_.row, {first, first + count}, scores);
  for (std::size_t i = 0; i < count; ++i) {
    s_.tokens[scored_ + i] = static_cast<std::uint32_t>(first + i);
    spoiled_ = spoiled_ || !(scores[i] < simd::kInfinity);
    s_.best[best_] = scores[i];
    best_ += scores[i] > floor_ || best_ < wanted ? 1 : 0;
  }
  if (box < whole_) s_.bounds[box] = kNoBox;
  ++visited_;
  scored_ += count;
  if (best_ >= wanted) raise_floor(wanted);
}

// The floor becomes the wanted-th best score, once there are enough new ones to pay for looking.
void BoxVisits::raise_floor(std::size_t wanted) noexcept {
  if (spoiled_ || (best_ + kTokens <= s_.best_room && best_ < wanted + wanted / 2 && floor_ != -simd::kInfinity))
    return;
  const Cut cut = kth_best(s_.best, best_, wanted);
  floor_ = cut.score;
  std::size_t kept = 0, ties = cut.ties_kept;
  for (std::size_t i = 0; i < best_; ++i) {
    const float score = s_.best[i];
    const bool stays = score > floor_ || (score == floor_ && ties > 0);
    ties -= stays && score == floor_ ? 1 : 0;
    s_.best[kept] = score;
    kept += stays ? 1 : 0;
  }
  best_ = kept;
}

// At least the sum of e^(s - reference) over the tokens of all boxes that were not visited.
double BoxVisits::unvisited(float reference) noexcept {
  std::copy_n(s_.bounds, whole_, s_.terms);
  // Beyond the range of exp the bound says nothing.
  if (whole_ != 0 && *std::max_element(s_.terms, s_.terms + whole_) - reference > 80.0f)
    return std::numeric_limits<double>::infinity();
  simd::exp_row(s_.terms, whole_, reference);
  double sum = 0.0;
  for (std::size_t i = 0; i < whole_; ++i) sum += double{s_.terms[i]};
  return static_cast<double>(kTokens) * sum_bound(sum, whole_);
}

// At least the same over the visited tokens that are not among the wanted best, and the weight of those that are.
double BoxVisits::others(float reference, const Cut& cut, double* kept) noexcept {
  std::copy_n(s_.scores, scored_, s_.terms);
  simd::exp_row(s_.terms, scored_, reference);
  double sum = 0.0;
  std::size_t ties = cut.ties_kept;
  *kept = 0.0;
  for (std::size_t i = 0; i < scored_; ++i) {
    const bool stays = s_.scores[i] > cut.score || (s_.scores[i] == cut.score && ties > 0);
    ties -= stays && s_.scores[i] == cut.score ? 1 : 0;
    (stays ? *kept : sum) += double{s_.terms[i]};
  }
  return sum_bound(sum, scored_);
}

// Whether what was found so far leaves at most `enough`. Gives `enough` up when nothing can.
bool BoxVisits::certified(std::size_t wanted) noexcept {
  if (spoiled_) return false;
  const Cut cut = kth_best(s_.scores, scored_, wanted);
  const float best = *std::max_element(s_.scores, s_.scores + scored_);
  if (!std::isfinite(best)) return false;
  double kept = 0.0;
  const double known = others(best, cut, &kept), unknown = unvisited(best), rest = known + unknown;
  // A thousandth to spare, for the roundings that the final bound counts in.
  if (rest <= 0.999 * enough_ * (kept + rest)) return true;
  // What is kept at last weighs no more than what is kept now and all that is unknown, nor than `wanted` of the best.
  const double highest = std::max(1.0, std::exp(double{s_.bounds[s_.heap[0]]} - double{best}));
  const double most = std::min(kept + unknown, static_cast<double>(wanted) * highest);
  if (known > enough_ * (known + most)) enough_ = 0.0;
  return false;
}

}  // namespace heed
