// E13: what do keys cost that a search overlooks? One n; a row for every selector and setting.
//
//   uniform, worst, random   k keys of which round((1 - recall) k) of the k best are missing: ranks evenly spread, the
//                            largest ones, or by lot; the next ranks k, k + 1, ... stand in for them
//   pages                    the library's search, stopped where it certifies a dropped mass of at most `setting`
//   int8                     the library's search; exact
//   lsh                      the library's search with `setting` tables
//   components               the k best by the first `setting` principal components of the keys (Loki)
//   channels                 the k best by the `setting` channels where |q| is largest (SparQ)
//
// Columns: recall, share of the keys that were scored exactly, tau, missed and substituted mass, l2, and the last two
// errors over those of the exact set (amplification), with standard errors (estimate.hpp): each repeat has weights and
// tokens of its own. `violations` counts rows where tau' = tau + missed - substituted fails by more than 1e-9.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/heap_sort.hpp"
#include "retrieve/key_index.hpp"
#include "simulate/estimate.hpp"
#include "simulate/head_tensors.hpp"
#include "simulate/phased_experiment.hpp"
#include "simulate/principal_axes.hpp"
#include "simulate/protocols.hpp"
#include "simulate/selection_error.hpp"
#include "simulate/streams.hpp"
#include "topk/select.hpp"

namespace heed {
namespace {

enum class Selector { kUniform, kWorst, kRandom, kPages, kInt8, kLsh, kComponents, kChannels };

struct Setting {
  Selector selector;
  double value;
};

constexpr std::size_t kBlock = 8;  // rows of a unit
constexpr double kIdentitySlack = 1e-9;

class Preselection final : public PhasedExperiment {
 public:
  Preselection(const ExperimentInput& input, TaskPool& pool);

 private:
  struct Scratch {
    RankedRow::Scratch row;
    float *queries, *projected, *approximate;
    std::uint32_t *ranks, *found, *channels;
    std::uint8_t* marks;
    float* scores;
    RetrievedRow* rows;
    std::byte* retriever;
  };
  struct Value {
    SelectionError error;
    double dropped = 0.0, l2 = 0.0, scored = 0.0;
  };
  bool reserve();
  void add_repeat(std::size_t repeat);
  Scratch cut(Pieces& pieces) const noexcept;
  std::uint64_t seed() const noexcept { return common_.source.seed + repeat_; }
  bool prepare();
  void build(std::size_t unit) noexcept;
  void project(std::size_t unit) noexcept;
  void run_block(std::size_t block, std::size_t thread) noexcept;
  void search(const Setting& setting, std::size_t number, std::size_t i, Scratch& s) noexcept;
  std::size_t choose(const Setting& setting, const RankedRow& row, std::size_t i, std::size_t k, Scratch& s) noexcept;
  std::size_t miss(const Setting& setting, std::size_t number, std::size_t visible, std::size_t k,
                   std::uint32_t* ranks) const noexcept;
  void approximate(const Setting& setting, const float* query, std::size_t visible, Scratch& s) noexcept;
  void note(const RankedRow& row, std::size_t number, std::size_t i, std::size_t k, std::size_t count, double scored,
            Scratch& s) noexcept;
  void finish() override;

  CommonParameters common_;
  std::size_t keep_ = 1, scratch_bytes_ = 0, most_retriever_ = 0;
  std::size_t repeat_ = 0;  // the one that runs
  std::vector<Setting> settings_;
  HeadTensors head_;
  AttentionProblem problem_;
  KeyIndex pages_, screen_, hashes_;
  PrincipalAxes axes_;
  Buffer<float> projected_;  // (n, d)
  Buffer<Value> values_;     // (repeats, settings, rows)
  Buffer<std::byte> scratch_;
};

Preselection::Preselection(const ExperimentInput& input, TaskPool& pool)
    : PhasedExperiment(
          "n,d,k,selector:uniform|worst|random|pages|int8|lsh|components|channels,setting,recall,recallError,scored,"
          "scoredError,dropped,droppedError,missed,substituted,l2,l2Error,exactDropped,exactL2,amplification,"
          "amplificationError,l2Amplification,l2AmplificationError,violations",
          pool) {
  Parameters parameters(input.numbers, input.count);
  common_ = CommonParameters::read(parameters, input.q, input.k);
  common_.source.n = parameters.count();
  keep_ = std::min(parameters.count(), common_.source.n);
  // Given heads are the same in every repeat.
  if (common_.source.weights == Weights::kGiven) common_.repeats = 1;
  const std::vector<double> recalls = parameters.list();
  for (const Selector selector : {Selector::kUniform, Selector::kWorst, Selector::kRandom})
    for (const double recall : recalls) settings_.push_back({selector, recall});
  for (const double enough : parameters.list()) settings_.push_back({Selector::kPages, enough});
  settings_.push_back({Selector::kInt8, 0.0});
  for (const double tables : parameters.list()) settings_.push_back({Selector::kLsh, tables});
  for (const double components : parameters.list()) settings_.push_back({Selector::kComponents, components});
  for (const double channels : parameters.list()) settings_.push_back({Selector::kChannels, channels});
  if (!ready_to_run(parameters, [this] { return reserve(); })) return;
  for (std::size_t repeat = 0; repeat < common_.repeats; ++repeat) add_repeat(repeat);
}

void Preselection::add_repeat(std::size_t repeat) {
  const std::size_t rows = common_.source.sampled();
  alone(1, [this, repeat](std::size_t, std::size_t) {
    repeat_ = repeat;
    head_.begin(seed());
  });
  together(head_.units(), [this](std::size_t unit, std::size_t thread) { head_.fill(unit, thread); });
  // Once more: centers of keys are found when an index is prepared, and now the keys are there.
  alone(1, [this](std::size_t, std::size_t) {
    if (!prepare()) fail("no memory left for the indexes; take a smaller n");
  });
  together(screen_.build_units(), [this](std::size_t unit, std::size_t) { build(unit); });
  alone(1, [this](std::size_t, std::size_t) { axes_.find(problem_.key_rows(0, 0)); });
  together(head_.units(), [this](std::size_t unit, std::size_t) { project(unit); });
  together((rows + kBlock - 1) / kBlock, [this](std::size_t b, std::size_t thread) { run_block(b, thread); });
}

bool Preselection::reserve() {
  const SourceOptions& source = common_.source;
  if (!head_.reserve(source, false, pool_.threads())) return false;
  problem_ = head_.problem();
  const CheckedSize size = checked_product({source.n, source.head_dim});
  const bool room = prepare() && axes_.reserve(source.head_dim) && size.fits && projected_.resize(size.value) &&
                    values_.resize(common_.repeats * settings_.size() * source.sampled());
  if (!room) return false;
  for (const KeyIndex* index : {&pages_, &screen_, &hashes_})
    most_retriever_ = std::max(most_retriever_, index->scratch_bytes(problem_, keep_));
  Pieces pieces(nullptr);
  cut(pieces);
  scratch_bytes_ = pieces.used();
  const CheckedSize bytes = checked_product({scratch_bytes_, pool_.threads()});
  return bytes.fits && scratch_.resize(bytes.value);
}

Preselection::Scratch Preselection::cut(Pieces& pieces) const noexcept {
  const std::size_t n = common_.source.n, d = common_.source.head_dim, room = round_up(keep_, 64);
  Scratch s{};
  s.row = RankedRow::Scratch::cut(pieces, n);
  s.queries = pieces.take<float>(kBlock * d);
  s.projected = pieces.take<float>(d);
  s.approximate = pieces.take<float>(round_up(n, 16));
  s.ranks = pieces.take<std::uint32_t>(n);
  s.marks = pieces.take<std::uint8_t>(n);
  s.channels = pieces.take<std::uint32_t>(d);
  s.found = pieces.take<std::uint32_t>(kBlock * room);
  s.scores = pieces.take<float>(kBlock * room);
  s.rows = pieces.take<RetrievedRow>(kBlock);
  s.retriever = pieces.take<std::byte>(most_retriever_);
  return s;
}

bool Preselection::prepare() {
  return pages_.prepare(problem_, Search::kPages).ok() && screen_.prepare(problem_, Search::kInt8).ok() &&
         hashes_.prepare(problem_, Search::kLsh, seed()).ok();
}

void Preselection::build(std::size_t unit) noexcept {
  if (!status_.ok()) return;
  for (KeyIndex* index : {&pages_, &screen_, &hashes_}) index->build(problem_, unit);
}

void Preselection::project(std::size_t unit) noexcept {
  const std::size_t d = common_.source.head_dim, begin = unit * RowSource::kStretch;
  const MatrixView<const float> keys = problem_.key_rows(0, 0);
  for (std::size_t j = begin; j < std::min(begin + RowSource::kStretch, keys.rows); ++j)
    axes_.project(keys.row(j), d, projected_.data() + j * d);
}

void Preselection::run_block(std::size_t block, std::size_t thread) noexcept {
  if (!status_.ok()) return;
  Pieces pieces(scratch_.data() + thread * scratch_bytes_);
  Scratch s = cut(pieces);
  const std::size_t first = block * kBlock, last = std::min(first + kBlock, common_.source.sampled());
  const std::size_t d = common_.source.head_dim;
  std::fill_n(s.marks, common_.source.n, std::uint8_t{0});
  for (std::size_t r = first; r < last; ++r) head_.scaled_query(r, s.queries + (r - first) * d);
  for (std::size_t r = first; r < last; ++r) {
    const RankedRow row(problem_.key_rows(0, 0), problem_.shape.visible(r), s.queries + (r - first) * d, s.row);
    const std::size_t k = std::min(keep_, row.size());
    for (std::size_t i = 0; i < settings_.size(); ++i) {
      const Setting& setting = settings_[i];
      double scored = 1.0;
      std::size_t count = 0;
      if (setting.selector == Selector::kPages || setting.selector == Selector::kInt8 ||
          setting.selector == Selector::kLsh) {
        search(setting, r, r - first, s);
        count = s.rows[0].count;
        scored = static_cast<double>(s.rows[0].scored) / static_cast<double>(row.size());
        for (std::size_t j = 0; j < count; ++j) s.ranks[j] = static_cast<std::uint32_t>(row.rank(s.found[j]));
      } else {
        count = choose(setting, row, r - first, k, s);
        if (setting.selector == Selector::kComponents || setting.selector == Selector::kChannels)
          scored = static_cast<double>(k) / static_cast<double>(row.size());
      }
      note(row, r, i, k, count, scored, s);
    }
  }
}

// One row by one of the library's searches, to s.found.
void Preselection::search(const Setting& setting, std::size_t number, std::size_t i, Scratch& s) noexcept {
  const QueryRows rows{0,
                       0,
                       0,
                       number,
                       number + 1,
                       s.queries + i * common_.source.head_dim,
                       setting.selector == Selector::kPages ? setting.value : 0.0,
                       setting.selector == Selector::kLsh ? static_cast<std::size_t>(setting.value) : 0};
  s.rows[0] = {s.found, s.scores, std::min(keep_, problem_.shape.visible(number))};
  const KeyIndex& index = setting.selector == Selector::kPages ? pages_
                          : setting.selector == Selector::kLsh ? hashes_
                                                               : screen_;
  index.retrieve(problem_, rows, keep_, s.rows, s.retriever);
}

// The ranks of a simulated selector's set; returns how many.
std::size_t Preselection::choose(const Setting& setting, const RankedRow& row, std::size_t i, std::size_t k,
                                 Scratch& s) noexcept {
  if (setting.selector <= Selector::kRandom) return miss(setting, i, row.size(), k, s.ranks);
  approximate(setting, s.queries + i * common_.source.head_dim, row.size(), s);
  const Cut cut = kth_best(s.approximate, row.size(), k);
  std::size_t ties = cut.ties_kept, count = 0;
  for (std::size_t j = 0; j < row.size(); ++j) {
    const float score = s.approximate[j];
    if (score < cut.score || (score == cut.score && ties == 0)) continue;
    if (score == cut.score) --ties;
    s.ranks[count++] = static_cast<std::uint32_t>(row.rank(static_cast<std::uint32_t>(j)));
  }
  return count;
}

std::size_t Preselection::miss(const Setting& setting, std::size_t number, std::size_t visible, std::size_t k,
                               std::uint32_t* ranks) const noexcept {
  const auto wanted = static_cast<std::size_t>(std::llround((1.0 - setting.value) * static_cast<double>(k)));
  // Without others to stand in, fewer can be missed.
  const std::size_t missed = std::min(wanted, visible - k);
  std::iota(ranks, ranks + k, 0u);
  const CounterRandom random(seed(), kMissStream);
  for (std::size_t m = 0; m < missed; ++m) {
    if (setting.selector == Selector::kWorst) {
      ranks[m] = static_cast<std::uint32_t>(k + m);
    } else if (setting.selector == Selector::kUniform) {
      ranks[(2 * m + 1) * k / (2 * missed)] = static_cast<std::uint32_t>(k + m);
    } else {
      // Fisher and Yates: place m is drawn from those that are left.
      const double u = random.uniform(number * k + m);
      std::swap(ranks[m], ranks[m + static_cast<std::size_t>(u * static_cast<double>(k - m))]);
    }
  }
  if (setting.selector == Selector::kRandom) std::iota(ranks, ranks + missed, static_cast<std::uint32_t>(k));
  return k;
}

void Preselection::approximate(const Setting& setting, const float* query, std::size_t visible, Scratch& s) noexcept {
  const std::size_t d = common_.source.head_dim, count = std::min(d, static_cast<std::size_t>(setting.value));
  if (setting.selector == Selector::kComponents) {
    axes_.project(query, count, s.projected);
    for (std::size_t j = 0; j < visible; ++j) {
      float sum = 0.0f;
      for (std::size_t c = 0; c < count; ++c) sum += s.projected[c] * projected_[j * d + c];
      s.approximate[j] = sum;
    }
    return;
  }
  std::iota(s.channels, s.channels + d, 0u);
  heap_sort(s.channels, s.channels + d, [query](std::uint32_t a, std::uint32_t b) {
    const float x = std::abs(query[a]), y = std::abs(query[b]);
    return x != y ? x > y : a < b;
  });
  const MatrixView<const float> keys = problem_.key_rows(0, 0);
  for (std::size_t j = 0; j < visible; ++j) {
    float sum = 0.0f;
    for (std::size_t c = 0; c < count; ++c) sum += query[s.channels[c]] * keys.row(j)[s.channels[c]];
    s.approximate[j] = sum;
  }
}

void Preselection::note(const RankedRow& row, std::size_t number, std::size_t i, std::size_t k, std::size_t count,
                        double scored, Scratch& s) noexcept {
  Value& value = values_[(repeat_ * settings_.size() + i) * common_.source.sampled() + number];
  value.error = SelectionError::of(row, k, s.ranks, count, s.marks);
  value.dropped = row.dropped(k);
  value.scored = scored;
  std::iota(s.ranks, s.ranks + k, 0u);
  value.l2 = SelectionError::of(row, k, s.ranks, k, s.marks).l2;
}

void Preselection::finish() {
  const SourceOptions& source = common_.source;
  const std::size_t rows = source.sampled(), repeats = common_.repeats;
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    // A column of the values of this setting, and its mean.
    const auto column = [&](auto pick) {
      return [this, i, rows, pick](std::size_t repeat, std::size_t r) {
        return pick(values_[(repeat * settings_.size() + i) * rows + r]);
      };
    };
    const auto mean = [&](auto pick) { return over_draws(repeats, rows, column(pick)); };
    const auto dropped = [](const Value& v) { return v.error.dropped; };
    const auto l2 = [](const Value& v) { return v.error.l2; };
    const auto exact = [](const Value& v) { return v.dropped; };
    const auto exact_l2 = [](const Value& v) { return v.l2; };
    const Estimate recall = mean([](const Value& v) { return v.error.recall; });
    const Estimate scored = mean([](const Value& v) { return v.scored; });
    const Estimate amplified = ratio_over_draws(repeats, rows, column(dropped), column(exact));
    const Estimate amplified_l2 = ratio_over_draws(repeats, rows, column(l2), column(exact_l2));
    const double outside = mean([](const Value& v) {
                             const double expected = v.dropped + v.error.missed - v.error.substituted;
                             return std::abs(v.error.dropped - expected) > kIdentitySlack ? 1.0 : 0.0;
                           }).mean;
    row({static_cast<double>(source.n),
         static_cast<double>(source.head_dim),
         static_cast<double>(keep_),
         static_cast<double>(settings_[i].selector),
         settings_[i].value,
         recall.mean,
         recall.error,
         scored.mean,
         scored.error,
         mean(dropped).mean,
         mean(dropped).error,
         mean([](const Value& v) { return v.error.missed; }).mean,
         mean([](const Value& v) { return v.error.substituted; }).mean,
         mean(l2).mean,
         mean(l2).error,
         mean(exact).mean,
         mean(exact_l2).mean,
         amplified.mean,
         amplified.error,
         amplified_l2.mean,
         amplified_l2.error,
         std::round(outside * static_cast<double>(rows * repeats))});
  }
}

}  // namespace

std::unique_ptr<Experiment> make_preselection(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<Preselection>(input, pool);
}

}  // namespace heed
