// E18: what do certificates promise, beside the truth? One n; a row for every mass that may be dropped and certificate.
//
//   truth        the fewest entries with tau <= mass
//   singleGap    the fewest whose single gap (theory/certificates.hpp) is at most `mass`
//   headAware    the same for the head-aware bound
//   blockwise    pages of 32 keys are visited by falling bounds U until what the others may hold, sum m e^U, certifies
//                mass / 2 for all keys visited; then the fewest of those for which the whole bound is at most `mass`
//
// keep: the mean of those k, and over the true one (keepRatio); scored: share of the keys whose scores it takes to know
// (all of them but for blockwise). At the true k of each row: `bound`, its mean, and over the mean of tau (boundRatio);
// for blockwise after visiting all pages whose bound is at least the k-th score, as an exact search does (scoredExact).
// Standard errors as in estimate.hpp, each repeat with weights and tokens of its own. `violations` counts bounds below
// tau, at either k. Sums in double; slack 1e-9 of a bound for their rounding.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/heap_sort.hpp"
#include "simulate/estimate.hpp"
#include "simulate/head_tensors.hpp"
#include "simulate/phased_experiment.hpp"
#include "simulate/protocols.hpp"
#include "simulate/ranked_row.hpp"
#include "sparse/dropped_mass.hpp"
#include "sparse/page_bounds.hpp"
#include "theory/certificates.hpp"

namespace heed {
namespace {

enum class Certificate { kTruth, kSingleGap, kHeadAware, kBlockwise, kCertificates };
constexpr auto kCertificates = static_cast<std::size_t>(Certificate::kCertificates);
constexpr double kSlack = 1e-9;

struct Value {
  double keep = 0.0, ratio = 0.0, scored = 1.0, bound = 0.0, tau = 0.0, scored_exact = 1.0, violated = 0.0;
};

/// Memory of a walk over pages, one per thread.
struct PageScratch {
  double* highest;       // U by page
  double* rest;          // by place in the order of the walk, and one more
  std::uint32_t* order;  // pages by falling U
  std::uint8_t* seen;    // by page
};

/// The pages of a row by falling bounds, and what is left of the row when some were visited.
class PageWalk {
 public:
  /// `highest` is there.
  PageWalk(const RankedRow& row, std::size_t pages, const PageScratch& scratch) noexcept
      : row_(row), pages_(pages), s_(scratch) {
    std::iota(s_.order, s_.order + pages, 0u);
    heap_sort(s_.order, s_.order + pages, [highest = s_.highest](std::uint32_t a, std::uint32_t b) {
      return highest[a] != highest[b] ? highest[a] > highest[b] : a < b;
    });
    s_.rest[pages] = 0.0;
    for (std::size_t p = pages; p-- > 0;) {
      const std::uint32_t page = s_.order[p];
      const double weight = static_cast<double>(keys(page).size()) * std::exp(s_.highest[page] - row_.score(0));
      s_.rest[p] = s_.rest[p + 1] + weight;
      s_.seen[page] = 0;
    }
  }

  bool done() const noexcept { return visited_ == pages_; }
  double next_bound() const noexcept { return s_.highest[s_.order[visited_]]; }
  /// Scores the keys of the next page.
  void visit() noexcept {
    const std::uint32_t page = s_.order[visited_++];
    const Range range = keys(page);
    for (std::size_t j = range.begin; j < range.end; ++j)
      weight_ += std::exp(double{row_.score_of(static_cast<std::uint32_t>(j))} - row_.score(0));
    scored_ += range.size();
    s_.seen[page] = 1;
  }
  /// Of the keys that were visited, relative to the row's best score; and at least that of the others.
  double weight() const noexcept { return weight_; }
  double rest() const noexcept { return s_.rest[visited_]; }
  std::size_t scored() const noexcept { return scored_; }
  bool seen(std::uint32_t key) const noexcept { return s_.seen[key / PageBounds::kPageKeys] != 0; }

 private:
  Range keys(std::size_t page) const noexcept {
    const std::size_t begin = page * PageBounds::kPageKeys;
    return {begin, std::min(begin + PageBounds::kPageKeys, row_.size())};
  }

  const RankedRow& row_;
  const std::size_t pages_;
  const PageScratch s_;
  std::size_t visited_ = 0, scored_ = 0;
  double weight_ = 0.0;
};

class CertifiedRows final : public PhasedExperiment {
 public:
  CertifiedRows(const ExperimentInput& input, TaskPool& pool);

 private:
  struct Scratch {
    RankedRow::Scratch row;
    float* query;
    double* sums;
    PageScratch pages;
  };
  bool reserve();
  void add_repeat(std::size_t repeat);
  Scratch cut(Pieces& pieces) const noexcept;
  std::size_t pages() const noexcept { return (common_.source.n + PageBounds::kPageKeys - 1) / PageBounds::kPageKeys; }
  /// Where those of the first certificate begin.
  std::size_t first_value(std::size_t repeat, std::size_t mass) const noexcept {
    return (repeat * masses_.size() + mass) * kCertificates * common_.source.sampled();
  }
  void run_row(std::size_t r, std::size_t thread) noexcept;
  Value by_formula(Certificate which, const RankedRow& row, double mass, std::size_t true_keep,
                   const double* kept) const noexcept;
  Value by_pages(const RankedRow& row, double mass, std::size_t true_keep, const Scratch& s) const noexcept;
  void finish() override;

  CommonParameters common_;
  std::vector<double> masses_;
  HeadTensors head_;
  AttentionProblem problem_;
  PageBounds bounds_;
  std::size_t scratch_bytes_ = 0, repeat_ = 0;  // the one that runs
  double longest_key_ = 0.0;
  Buffer<Value> values_;  // (repeats, masses, certificates, rows)
  Buffer<std::byte> scratch_;
};

CertifiedRows::CertifiedRows(const ExperimentInput& input, TaskPool& pool)
    : PhasedExperiment(
          "n,d,sigma,mass,certificate:truth|singleGap|headAware|blockwise,keep,keepError,keepRatio,keepRatioError,"
          "scored,scoredError,bound,tau,boundRatio,boundRatioError,scoredExact,scoredExactError,violations",
          pool) {
  Parameters parameters(input.numbers, input.count);
  common_ = CommonParameters::read(parameters, input.q, input.k);
  common_.source.n = parameters.count();
  masses_ = parameters.list();
  // Given heads are the same in every repeat.
  if (common_.source.weights == Weights::kGiven) common_.repeats = 1;
  if (!ready_to_run(parameters, [this] { return reserve(); })) return;
  for (std::size_t repeat = 0; repeat < common_.repeats; ++repeat) add_repeat(repeat);
}

void CertifiedRows::add_repeat(std::size_t repeat) {
  alone(1, [this, repeat](std::size_t, std::size_t) {
    repeat_ = repeat;
    head_.begin(common_.source.seed + repeat);
  });
  together(head_.units(), [this](std::size_t unit, std::size_t thread) { head_.fill(unit, thread); });
  alone(1, [this](std::size_t, std::size_t) {
    if (!bounds_.build(problem_, pool_)) fail("no memory left for the bounds of the pages; take a smaller n");
    const MatrixView<const float> keys = problem_.key_rows(0, 0);
    longest_key_ = 0.0;
    for (std::size_t j = 0; j < keys.rows; ++j)
      longest_key_ = std::max(longest_key_, row_norm(keys.row(j), common_.source.head_dim));
  });
  together(common_.source.sampled(), [this](std::size_t r, std::size_t thread) {
    if (status_.ok()) run_row(r, thread);
  });
}

bool CertifiedRows::reserve() {
  Pieces pieces(nullptr);
  cut(pieces);
  scratch_bytes_ = pieces.used();
  const CheckedSize bytes = checked_product({scratch_bytes_, pool_.threads()});
  if (!bytes.fits || !scratch_.resize(bytes.value) || !head_.reserve(common_.source, false, pool_.threads()) ||
      !values_.resize(common_.repeats * masses_.size() * kCertificates * common_.source.sampled()))
    return false;
  problem_ = head_.problem();
  return true;
}

CertifiedRows::Scratch CertifiedRows::cut(Pieces& pieces) const noexcept {
  const std::size_t n = common_.source.n;
  Scratch s{};
  s.row = RankedRow::Scratch::cut(pieces, n);
  s.query = pieces.take<float>(common_.source.head_dim);
  s.sums = pieces.take<double>(n + 1);
  s.pages = {pieces.take<double>(pages()), pieces.take<double>(pages() + 1), pieces.take<std::uint32_t>(pages()),
             pieces.take<std::uint8_t>(pages())};
  return s;
}

void CertifiedRows::run_row(std::size_t r, std::size_t thread) noexcept {
  Pieces pieces(scratch_.data() + thread * scratch_bytes_);
  const Scratch s = cut(pieces);
  head_.scaled_query(r, s.query);
  const RankedRow row(problem_.key_rows(0, 0), problem_.shape.visible(r), s.query, s.row);
  const std::size_t d = common_.source.head_dim;
  const float* query = problem_.q + r * d;
  // The scores are rounded, the bounds are not.
  const double error = score_error(d, row_norm(query, d), longest_key_, problem_.scale);
  for (std::size_t page = 0; page < pages(); ++page)
    s.pages.highest[page] = bounds_.highest_score(0, 0, page, query, problem_.scale) + error;
  s.sums[0] = 0.0;
  for (std::size_t i = 0; i < row.size(); ++i) s.sums[i + 1] = s.sums[i] + std::exp(row.score(i) - row.score(0));
  for (std::size_t m = 0; m < masses_.size(); ++m) {
    const std::size_t keep = row.keep_for_mass(masses_[m]);
    Value* to = values_.data() + first_value(repeat_, m) + r;
    const auto put = [&](Certificate which, const Value& value) {
      to[static_cast<std::size_t>(which) * common_.source.sampled()] = value;
    };
    const double tau = row.dropped(keep);
    put(Certificate::kTruth, {static_cast<double>(keep), 1.0, 1.0, tau, tau});
    for (const Certificate which : {Certificate::kSingleGap, Certificate::kHeadAware})
      put(which, by_formula(which, row, masses_[m], keep, s.sums));
    put(Certificate::kBlockwise, by_pages(row, masses_[m], keep, s));
  }
}

// `kept`[k]: the weight of the k best.
Value CertifiedRows::by_formula(Certificate which, const RankedRow& row, double mass, std::size_t true_keep,
                                const double* kept) const noexcept {
  const auto n = static_cast<double>(row.size());
  const auto bound = [&](std::size_t k) {
    if (k >= row.size()) return 0.0;
    const auto entries = static_cast<double>(k);
    if (which == Certificate::kSingleGap) return single_gap_bound(n, entries, row.score(k - 1) - row.score(k));
    return head_aware_bound(n, entries, std::log(kept[k]) + row.score(0), row.score(k));
  };
  std::size_t k = 1;
  while (bound(k) > mass) ++k;
  Value value;
  value.keep = static_cast<double>(k);
  value.ratio = value.keep / static_cast<double>(true_keep);
  value.bound = bound(true_keep);
  value.tau = row.dropped(true_keep);
  const auto fails = [&](std::size_t at) { return bound(at) * (1.0 + kSlack) + 1e-15 < row.dropped(at); };
  value.violated = fails(k) || fails(true_keep) ? 1.0 : 0.0;
  return value;
}

Value CertifiedRows::by_pages(const RankedRow& row, double mass, std::size_t true_keep,
                              const Scratch& s) const noexcept {
  const std::size_t count = (row.size() + PageBounds::kPageKeys - 1) / PageBounds::kPageKeys;
  const auto size = static_cast<double>(row.size());
  const auto share = [](double kept, double rest) { return rest / (kept + rest); };
  Value value;
  value.tau = row.dropped(true_keep);

  PageWalk walk(row, count, s.pages);
  while (!walk.done() && (walk.scored() == 0 || share(walk.weight(), walk.rest()) > 0.5 * mass)) walk.visit();
  // The best of what was visited, until all that is left out certifies the mass.
  double kept = 0.0, tau = 1.0, bound = 1.0;
  for (std::size_t i = 0; i < row.size() && bound > mass; ++i) {
    if (!walk.seen(row.number(i))) continue;
    value.keep += 1.0;
    kept += std::exp(row.score(i) - row.score(0));
    tau -= row.probability(i);
    bound = share(kept, std::max(0.0, walk.weight() - kept) + walk.rest());
  }
  value.ratio = value.keep / static_cast<double>(true_keep);
  value.scored = static_cast<double>(walk.scored()) / size;
  const bool low = bound * (1.0 + kSlack) + 1e-12 < tau;

  PageWalk exact(row, count, s.pages);
  const double last = row.score(true_keep - 1);
  while (!exact.done() && (exact.scored() < true_keep || exact.next_bound() >= last)) exact.visit();
  const double best = s.sums[true_keep];
  value.bound = share(best, std::max(0.0, exact.weight() - best) + exact.rest());
  value.scored_exact = static_cast<double>(exact.scored()) / size;
  value.violated = low || value.bound * (1.0 + kSlack) + 1e-12 < value.tau ? 1.0 : 0.0;
  return value;
}

void CertifiedRows::finish() {
  const std::size_t rows = common_.source.sampled(), repeats = common_.repeats;
  const auto n = static_cast<double>(common_.source.n), d = static_cast<double>(common_.source.head_dim);
  for (std::size_t m = 0; m < masses_.size(); ++m)
    for (std::size_t c = 0; c < kCertificates; ++c) {
      const auto column = [&](double Value::* which) {
        return [this, m, c, rows, which](std::size_t repeat, std::size_t r) {
          return values_[first_value(repeat, m) + c * rows + r].*which;
        };
      };
      const auto mean = [&](double Value::* which) { return over_draws(repeats, rows, column(which)); };
      const Estimate keep = mean(&Value::keep), ratio = mean(&Value::ratio), scored = mean(&Value::scored);
      const Estimate exact = mean(&Value::scored_exact);
      const Estimate bound = ratio_over_draws(repeats, rows, column(&Value::bound), column(&Value::tau));
      row({n, d, common_.source.sigma, masses_[m], static_cast<double>(c), keep.mean, keep.error, ratio.mean,
           ratio.error, scored.mean, scored.error, mean(&Value::bound).mean, mean(&Value::tau).mean, bound.mean,
           bound.error, exact.mean, exact.error,
           std::round(mean(&Value::violated).mean * static_cast<double>(rows * repeats))});
    }
}

}  // namespace

std::unique_ptr<Experiment> make_certified_rows(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<CertifiedRows>(input, pool);
}

}  // namespace heed
