// E22: how fast is a search, and from which n on does it win? One n; a row for every k and method.
//
//   dense         the library's exact attention
//   scan          the library's top-k attention by looking at every key
//   quickselect, heap, radix    all scores of a row in memory, then select (plain_selection.hpp)
//   pages, int8   the library's searches with an index that is there; `build` is what making it costs a key
//
// nanoseconds: wall time a query, the median of the repeats, each a whole call for all rows on the pool's threads.
// scored: share of the keys that were scored exactly. speedup: over dense; and the least and the most of it, call by
// call with the call of dense in the same turn. `violations` counts rows whose set is not that of the scan, bit for
// bit. Times are measured: they differ from run to run, nothing else does.
#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>

#include "attention/exact.hpp"
#include "base/heap_sort.hpp"
#include "retrieve/retrieved_attention.hpp"
#include "simulate/head_tensors.hpp"
#include "simulate/keep_rule.hpp"
#include "simulate/phased_experiment.hpp"
#include "simulate/plain_selection.hpp"
#include "simulate/protocols.hpp"
#include "sparse/row_offsets.hpp"
#include "sparse/topk_search.hpp"

namespace heed {
namespace {

enum class Timed { kDense, kScan, kQuickselect, kHeap, kRadix, kPages, kInt8, kTimed };
constexpr auto kTimed = static_cast<std::size_t>(Timed::kTimed);

double now() noexcept {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class SearchSpeed final : public PhasedExperiment {
 public:
  SearchSpeed(const ExperimentInput& input, TaskPool& pool);

 private:
  bool reserve();
  KeyIndex& index_of(Timed method) noexcept { return method == Timed::kPages ? pages_ : screen_; }
  void build(Timed method);
  void measure(std::size_t rule, Timed method, std::size_t repeat);
  bool call(std::size_t k, Timed method, std::uint32_t* indices);
  bool run_scan(std::size_t k, std::uint32_t* indices);
  bool run_search(std::size_t k, Timed method, std::uint32_t* indices);
  void count_scored(std::size_t rule, Timed method);
  struct Span {
    double least, most;
  };
  Span speedups(std::size_t rule, Timed method) const noexcept;
  double time(std::size_t rule, Timed method) const;
  void finish() override;

  std::size_t at(std::size_t rule, Timed method) const noexcept {
    return rule * kTimed + static_cast<std::size_t>(method);
  }
  std::size_t keep(std::size_t rule) const noexcept { return rules_[rule].entries(common_.source.n); }

  CommonParameters common_;
  std::vector<KeepRule> rules_;
  HeadTensors head_;
  AttentionProblem problem_;
  KeyIndex pages_, screen_;
  double build_[kTimed] = {};  // nanoseconds a key
  std::size_t most_kept_ = 1, scratch_bytes_ = 0;
  Buffer<float> out_;
  Buffer<double> times_;   // (rules, methods, repeats)
  Buffer<double> scored_;  // (rules, methods)
  Buffer<double> differ_;  // (rules, methods)
  Buffer<std::uint32_t> expected_, indices_, offsets_;
  Buffer<std::byte> scratch_;
};

SearchSpeed::SearchSpeed(const ExperimentInput& input, TaskPool& pool)
    : PhasedExperiment(
          "n,d,rule:constant|power|log|sqrtLog|logLog,value,k,method:dense|scan|quickselect|heap|radix|"
          "pages|int8,nanoseconds,scored,speedup,speedupLeast,speedupMost,build,threads,violations",
          pool) {
  Parameters parameters(input.numbers, input.count);
  common_ = CommonParameters::read(parameters, input.q, input.k);
  common_.source.n = parameters.count();
  for (const double k : parameters.list()) rules_.push_back({KeepKind::kConstant, k});
  for (const double exponent : parameters.list()) rules_.push_back({KeepKind::kPower, exponent});
  if (!ready_to_run(parameters, [this] { return reserve(); })) return;
  alone(1, [this](std::size_t, std::size_t) { head_.begin(common_.source.seed); });
  together(head_.units(), [this](std::size_t unit, std::size_t thread) { head_.fill(unit, thread); });
  for (const Timed method : {Timed::kPages, Timed::kInt8})
    alone(1, [this, method](std::size_t, std::size_t) { build(method); });
  for (std::size_t rule = 0; rule < rules_.size(); ++rule)
    for (const Timed method : {Timed::kPages, Timed::kInt8})
      alone(1, [this, rule, method](std::size_t, std::size_t) {
        if (status_.ok()) count_scored(rule, method);
      });
  // One repeat of everything after the other, so that what disturbs the machine disturbs all methods. The first one
  // is not counted.
  const std::size_t calls = rules_.size() * kTimed;
  alone((common_.repeats + 1) * calls, [this, calls](std::size_t unit, std::size_t) {
    if (status_.ok()) measure(unit % calls / kTimed, static_cast<Timed>(unit % kTimed), unit / calls);
  });
}

bool SearchSpeed::reserve() {
  const SourceOptions& source = common_.source;
  if (!head_.reserve(source, true, pool_.threads())) return false;
  problem_ = head_.problem();
  const std::size_t rows = source.sampled();
  for (std::size_t rule = 0; rule < rules_.size(); ++rule) most_kept_ = std::max(most_kept_, keep(rule));
  if (!pages_.prepare(problem_, Search::kPages).ok() || !screen_.prepare(problem_, Search::kInt8).ok()) return false;
  for (const KeyIndex* index : {&pages_, &screen_})
    scratch_bytes_ = std::max(scratch_bytes_, index->scratch_bytes(problem_, most_kept_));
  const std::size_t room = round_up(most_kept_, 64), calls = rules_.size() * kTimed;
  if (!out_.resize(rows * source.head_dim) || !times_.resize(calls * common_.repeats) || !scored_.resize(calls) ||
      !differ_.resize(calls) || !expected_.resize(rows * room) || !indices_.resize(rows * room) ||
      !offsets_.resize(rows + 1) || !scratch_.resize(scratch_bytes_ + kRowsTogether * room * 8))
    return false;
  problem_.out = out_.data();
  std::fill_n(scored_.data(), calls, 1.0);
  std::fill_n(differ_.data(), calls, 0.0);
  return true;
}

// Prepared once more, now that the keys are there: that is where their center is found.
void SearchSpeed::build(Timed method) {
  KeyIndex& index = index_of(method);
  const double began = now();
  if (!index.prepare(problem_, method == Timed::kPages ? Search::kPages : Search::kInt8).ok())
    return fail("no memory left for an index; take a smaller n");
  pool_.run({0, index.build_units()}, [&](std::size_t unit, std::size_t) { index.build(problem_, unit); });
  build_[static_cast<std::size_t>(method)] = (now() - began) / static_cast<double>(common_.source.n);
}

// Exact scores that a search forms, over the keys that its rows see.
void SearchSpeed::count_scored(std::size_t rule, Timed method) {
  const std::size_t rows = common_.source.sampled(), d = common_.source.head_dim, room = round_up(most_kept_, 64);
  std::vector<float> queries(kRowsTogether * d);
  std::vector<RetrievedRow> found(kRowsTogether);
  auto* indices = reinterpret_cast<std::uint32_t*>(scratch_.data() + scratch_bytes_);
  auto* scores = reinterpret_cast<float*>(indices + kRowsTogether * room);
  double scored = 0.0, visible = 0.0;
  for (std::size_t first = 0; first < rows; first += kRowsTogether) {
    const std::size_t last = std::min(first + kRowsTogether, rows);
    for (std::size_t r = first; r < last; ++r) {
      head_.scaled_query(r, queries.data() + (r - first) * d);
      const std::size_t place = (r - first) * room;
      found[r - first] = {indices + place, scores + place, std::min(keep(rule), problem_.shape.visible(r))};
    }
    const QueryRows block{0, 0, 0, first, last, queries.data()};
    index_of(method).retrieve(problem_, block, most_kept_, found.data(), scratch_.data());
    for (std::size_t r = first; r < last; ++r) {
      scored += static_cast<double>(found[r - first].scored);
      visible += static_cast<double>(problem_.shape.visible(r));
    }
  }
  scored_[at(rule, method)] = scored / visible;
}

void SearchSpeed::measure(std::size_t rule, Timed method, std::size_t repeat) {
  const std::size_t k = keep(rule), rows = common_.source.sampled();
  std::uint32_t* indices = method == Timed::kScan ? expected_.data() : indices_.data();
  const double began = now();
  const bool done = call(k, method, indices);
  const double took = (now() - began) / static_cast<double>(rows);
  if (!done) return fail("no memory left for a search; take a smaller n or fewer rows");
  if (repeat > 0) {
    times_[at(rule, method) * common_.repeats + repeat - 1] = took;
    return;
  }
  // Rows that see fewer than k keys keep fewer; the plain methods leave room for k.
  if (method == Timed::kDense || method == Timed::kScan) return;
  const bool plain = method == Timed::kQuickselect || method == Timed::kHeap || method == Timed::kRadix;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::uint32_t* own = indices + (plain ? r * k : offsets_[r]);
    const bool same = std::equal(own, own + (offsets_[r + 1] - offsets_[r]), expected_.data() + offsets_[r]);
    differ_[at(rule, method)] += same ? 0.0 : 1.0;
  }
}

bool SearchSpeed::call(std::size_t k, Timed method, std::uint32_t* indices) {
  if (method == Timed::kScan) return run_scan(k, indices);
  if (method == Timed::kPages || method == Timed::kInt8) return run_search(k, method, indices);
  if (method == Timed::kDense) {
    ExactAttention dense(problem_, pool_);
    if (dense.status().ok()) dense.run({0, dense.units()});
    return dense.status().ok();
  }
  PlainSelection plain;
  if (!plain.prepare(problem_, k, indices, pool_)) return false;
  plain.run(method == Timed::kQuickselect ? Selecting::kQuickselect
            : method == Timed::kHeap      ? Selecting::kHeap
                                          : Selecting::kRadix);
  return true;
}

bool SearchSpeed::run_scan(std::size_t k, std::uint32_t* indices) {
  TopKOptions options;
  options.budget.k = k;
  options.estimator = Estimator::kRenormalized;
  options.indices = indices;
  if (!write_offsets(problem_, options, offsets_.data())) return false;
  options.offsets = offsets_.data();
  TopKSearch search(problem_, options, pool_);
  if (search.status().ok()) search.run({0, search.units()});
  return search.status().ok();
}

bool SearchSpeed::run_search(std::size_t k, Timed method, std::uint32_t* indices) {
  RetrievalOptions options;
  options.search = method == Timed::kPages ? Search::kPages : Search::kInt8;
  options.budget.k = k;
  options.indices = indices;
  if (!write_offsets(problem_.shape, options.budget, offsets_.data())) return false;
  options.offsets = offsets_.data();
  RetrievedAttention search(problem_, options, &index_of(method), pool_);
  if (search.status().ok()) search.run({0, search.units()});
  return search.status().ok();
}

SearchSpeed::Span SearchSpeed::speedups(std::size_t rule, Timed method) const noexcept {
  const double* dense = times_.data() + at(rule, Timed::kDense) * common_.repeats;
  const double* times = times_.data() + at(rule, method) * common_.repeats;
  Span span{dense[0] / times[0], dense[0] / times[0]};
  for (std::size_t i = 1; i < common_.repeats; ++i)
    span = {std::min(span.least, dense[i] / times[i]), std::max(span.most, dense[i] / times[i])};
  return span;
}

double SearchSpeed::time(std::size_t rule, Timed method) const {
  const double* times = times_.data() + at(rule, method) * common_.repeats;
  std::vector<double> sorted(times, times + common_.repeats);
  heap_sort(sorted.data(), sorted.data() + sorted.size(), std::less<>{});
  return sorted[common_.repeats / 2];
}

void SearchSpeed::finish() {
  const auto n = static_cast<double>(common_.source.n), d = static_cast<double>(common_.source.head_dim);
  for (std::size_t rule = 0; rule < rules_.size(); ++rule) {
    const double dense = time(rule, Timed::kDense);
    for (std::size_t m = 0; m < kTimed; ++m) {
      const auto method = static_cast<Timed>(m);
      const double took = time(rule, method);
      const Span span = speedups(rule, method);
      const bool indexed = method == Timed::kPages || method == Timed::kInt8;
      row({n, d, static_cast<double>(rules_[rule].kind), rules_[rule].value, static_cast<double>(keep(rule)),
           static_cast<double>(m), took, scored_[at(rule, method)], dense / took, span.least, span.most,
           indexed ? build_[m] : std::numeric_limits<double>::quiet_NaN(), static_cast<double>(pool_.threads()),
           differ_[at(rule, method)]});
    }
  }
}

}  // namespace

std::unique_ptr<Experiment> make_search_speed(const ExperimentInput& input, TaskPool& pool) {
  return std::make_unique<SearchSpeed>(input, pool);
}

}  // namespace heed
