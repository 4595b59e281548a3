#include "retrieve/page_visits.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/heap_sort.hpp"
#include "retrieve/pages.hpp"
#include "simd/gathered_scores.hpp"
#include "simd/softmax_pass.hpp"
#include "topk/order.hpp"
#include "topk/select.hpp"

namespace heed {
namespace {

constexpr std::size_t kKeys = Pages::kPageKeys;

// Pages between two looks at whether to stop for `enough`: a look costs an exponential for every page and key.
constexpr std::size_t kPagesPerLook = 16;

std::size_t best_capacity(std::size_t most_kept) noexcept { return 2 * most_kept + 4 * kKeys; }

}  // namespace

PageVisits::Scratch PageVisits::Scratch::cut(Pieces& pieces, std::size_t keys, std::size_t pages,
                                             std::size_t most_kept) noexcept {
  Scratch s{};
  s.bounds = pieces.take<float>(pages);
  s.order = pieces.take<std::uint32_t>(pages + 1);
  s.visited = pieces.take<std::uint32_t>(pages + 1);
  s.best = pieces.take<float>(best_capacity(most_kept));
  s.terms = pieces.take<float>(round_up(keys, kKeys) + pages + kKeys);
  s.exact = ExactRowScratch::cut(pieces, round_up(keys, kKeys) + kKeys);
  return s;
}

void PageVisits::run(RetrievedRow& row) noexcept {
  // Half of the keys and more: there is nothing to skip.
  if (2 * row.wanted >= visible_) return retrieve_exactly(keys_, visible_, query_, row, scratch_.exact);
  const auto lower = [this](std::uint32_t a, std::uint32_t b) {
    return scratch_.bounds[a] != scratch_.bounds[b] ? scratch_.bounds[a] < scratch_.bounds[b] : a > b;
  };
  in_heap_ = visible_ / kKeys;
  for (std::size_t page = 0; page < in_heap_; ++page) scratch_.order[page] = static_cast<std::uint32_t>(page);
  std::make_heap(scratch_.order, scratch_.order + in_heap_, lower);
  if (visible_ % kKeys != 0) visit(in_heap_, row.wanted);
  for (std::size_t look = kPagesPerLook; in_heap_ != 0;) {
    const std::uint32_t page = scratch_.order[0];
    if (scored_ >= row.wanted && scratch_.bounds[page] < threshold_) break;
    if (enough_ > 0.0 && visited_ >= look && scored_ >= row.wanted) {
      if (certified(row.wanted)) break;
      look = visited_ + kPagesPerLook + visited_ / 4;
    }
    std::pop_heap(scratch_.order, scratch_.order + in_heap_--, lower);
    visit(page, row.wanted);
  }
  take(row);
}

void PageVisits::visit(std::size_t page, std::size_t wanted) noexcept {
  const std::size_t first = page * kKeys, count = std::min(kKeys, visible_ - first);
  std::uint32_t* indices = scratch_.exact.indices + scored_;
  float* scores = scratch_.exact.scores + scored_;
  for (std::size_t i = 0; i < count; ++i) indices[i] = static_cast<std::uint32_t>(first + i);
  simd::kernel_gathered_scores(query_, keys_, indices, count, scores);
  for (std::size_t i = 0; i < count; ++i) {
    spoiled_ = spoiled_ || std::isnan(scores[i]);
    scratch_.best[best_count_] = scores[i];
    best_count_ += scores[i] > threshold_ || best_count_ < wanted ? 1 : 0;
  }
  scratch_.visited[visited_++] = static_cast<std::uint32_t>(page);
  scored_ += count;
  if (best_count_ >= wanted) raise_threshold(wanted);
}

// The threshold becomes the wanted-th best score, once there are enough new ones to pay for looking.
void PageVisits::raise_threshold(std::size_t wanted) noexcept {
  if (best_count_ + kKeys <= best_capacity(wanted) && best_count_ < wanted + wanted / 2 &&
      threshold_ != -simd::kInfinity)
    return;
  const Cut cut = kth_best(scratch_.best, best_count_, wanted);
  if (std::isnan(cut.score)) return;
  threshold_ = cut.score;
  std::size_t kept = 0, ties = cut.ties_kept;
  for (std::size_t i = 0; i < best_count_; ++i) {
    const float score = scratch_.best[i];
    const bool stays = score > threshold_ || (score == threshold_ && ties > 0);
    ties -= stays && score == threshold_ ? 1 : 0;
    scratch_.best[kept] = score;
    kept += stays ? 1 : 0;
  }
  best_count_ = kept;
}

// At least the sum of e^(s - reference) over the keys of all pages that were not visited.
double PageVisits::unvisited(float reference) noexcept {
  for (std::size_t i = 0; i < in_heap_; ++i) scratch_.terms[i] = scratch_.bounds[scratch_.order[i]];
  std::fill_n(scratch_.terms + in_heap_, round_up(in_heap_, simd::kLanes) - in_heap_, -simd::kInfinity);
  // Beyond the range of exp the bound says nothing.
  if (in_heap_ != 0 && *std::max_element(scratch_.terms, scratch_.terms + in_heap_) - reference > 80.0f)
    return std::numeric_limits<double>::infinity();
  simd::kernel_exp_row(scratch_.terms, in_heap_, reference);
  double sum = 0.0;
  for (std::size_t i = 0; i < in_heap_; ++i) sum += double{scratch_.terms[i]};
  return static_cast<double>(kKeys) * sum_bound(sum, in_heap_);
}

// Whether what was found so far leaves at most `enough`.
bool PageVisits::certified(std::size_t wanted) noexcept {
  const Cut cut = kth_best(scratch_.exact.scores, scored_, wanted);
  if (spoiled_ || std::isnan(cut.score)) return false;
  float best = -simd::kInfinity;
  for (std::size_t i = 0; i < scored_; ++i) best = std::max(best, scratch_.exact.scores[i]);
  if (!std::isfinite(best)) return false;
  double rest = unvisited(best);
  std::copy_n(scratch_.exact.scores, scored_, scratch_.terms);
  simd::kernel_exp_row(scratch_.terms, scored_, best);
  double kept = 0.0;
  std::size_t ties = cut.ties_kept;
  for (std::size_t i = 0; i < scored_; ++i) {
    const float score = scratch_.exact.scores[i];
    const bool stays = score > cut.score || (score == cut.score && ties > 0);
    ties -= stays && score == cut.score ? 1 : 0;
    (stays ? kept : rest) += double{scratch_.terms[i]};
  }
  // A thousandth to spare, for the roundings that the final bound counts in.
  return rest <= 0.999 * enough_ * (kept + rest);
}

// The best of the visited keys, in order of their numbers.
void PageVisits::take(RetrievedRow& row) noexcept {
  row.count = std::min(row.wanted, scored_);
  row.rest = 0.0;
  row.scored += scored_;
  if (row.count == 0) return;
  const float* scores = scratch_.exact.scores;
  // All scores above the threshold are among the best so far, so the cut can be found there.
  const bool known = threshold_ != -simd::kInfinity;
  const Cut cut = known ? kth_best(scratch_.best, best_count_, row.count) : kth_best(scores, scored_, row.count);
  const std::uint32_t last = rank_key(cut.score);
  // Visits in order of pages, behind what is left of the heap. Only the first one may be of a part of a page.
  std::uint32_t* visits = scratch_.order + in_heap_;
  std::iota(visits, visits + visited_, 0u);
  heap_sort(visits, visits + visited_,
            [this](std::uint32_t a, std::uint32_t b) { return scratch_.visited[a] < scratch_.visited[b]; });
  const std::size_t part = visible_ % kKeys;
  std::size_t kept = 0, dropped = 0, ties = cut.ties_kept;
  float best = -simd::kInfinity;
  for (std::size_t v = 0; v < visited_; ++v) {
    const std::size_t i = visits[v];
    const std::size_t first = part == 0 ? i * kKeys : i == 0 ? 0 : part + (i - 1) * kKeys;
    const std::size_t end = std::min(first + (part != 0 && i == 0 ? part : kKeys), scored_);
    for (std::size_t j = first; j < end; ++j) {
      const float score = scores[j];
      const std::uint32_t key = rank_key(score);
      if (key < last || (key == last && ties == 0)) {
        scratch_.terms[dropped++] = score;
        continue;
      }
      ties -= key == last ? 1 : 0;
      best = score > best ? score : best;
      row.scores[kept] = score;
      row.indices[kept++] = scratch_.exact.indices[j];
    }
  }
  if (spoiled_) {
    row.rest = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  const float reference = best == -simd::kInfinity ? 0.0f : best;
  std::fill_n(scratch_.terms + dropped, round_up(dropped, simd::kLanes) - dropped, -simd::kInfinity);
  simd::kernel_exp_row(scratch_.terms, dropped, reference);
  double sum = 0.0;
  for (std::size_t i = 0; i < dropped; ++i) sum += double{scratch_.terms[i]};
  row.rest = sum_bound(sum, dropped) + unvisited(reference);
}

}  // namespace heed
