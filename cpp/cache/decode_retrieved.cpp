#include "cache/decode_retrieved.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/heap_sort.hpp"
#include "retrieve/certified_mass.hpp"
#include "simd/sketches.hpp"
#include "simd/softmax_pass.hpp"
#include "sparse/dropped_mass.hpp"

namespace heed {
namespace {

// e^(s - reference) of what was found, and their sum.
double weigh(const FoundTokens& found, float reference, float* weights) noexcept {
  std::copy_n(found.scores, found.count, weights);
  simd::exp_row(weights, found.count, reference);
  return std::accumulate(weights, weights + found.count, 0.0);
}

}  // namespace

struct CacheRetrieval::Row {
  RowOfCache at;
  std::size_t place;  // among (queries, heads)
  std::size_t thread;
  double root;         // that the packed query is multiplied by
  double query_norm;   // of the scaled query
  double score_error;  // delta of sparse/dropped_mass.hpp
  double key_norm;
  float best = -simd::kInfinity;
  double deviation = 0.0;  // of the tail's weight
  std::size_t sampled = 0;
  RowSums sums = {};
  ScoreSums scores = {};
};

struct CacheRetrieval::Scratch {
  BoxVisits::Scratch visits;
  FoundTokens found;
  float *query, *weights, *values, *scored, *nearest_scores, *all;
  std::uint32_t *nearest, *places;
  std::uint8_t* distances;
  double *sums, *products;
  TailSampleScratch* sample;
};

CacheRetrieval::CacheRetrieval(KvCache& cache, const DecodeProblem& problem, const CacheTopKOptions& options,
                               TaskPool& pool)
    : cache_(cache),
      problem_(problem),
      options_(options),
      pool_(pool),
      status_(validate(cache, problem)),
      scores_(cache_, problem_),
      monitor_(options.monitor) {
  if (status_.ok()) status_ = validate(options, problem.heads);
  if (status_.ok()) status_ = prepare();
}

Status CacheRetrieval::prepare() {
  if (needs_whole_rows(problem_, options_))
    return Status::fail(ErrorCode::kUnsupported, "such rows need all their scores at once");
  if (!options_.sampled && options_.estimator != Estimator::kRenormalized)
    return Status::fail(ErrorCode::kUnsupported, "without every score or a sampled tail there is renormalized only");
  most_kept_ = options_.most_entries(scores_.shape().heads, scores_.shape().keys);
  const CheckedSize scratch = checked_product({scratch_bytes(), pool_.threads()});
  const bool room = scratch.fits && monitor_.prepare(scores_.shape().keys, pool_.threads()) && scores_.prepare() &&
                    scratch_.resize(scratch.value) &&
                    (by_boxes() ? cache_.boxes().update(cache_, problem_.layer, pool_)
                                : cache_.sketches().update(cache_, problem_.layer, pool_));
  if (!room) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the call");
  return {};
}

CacheRetrieval::Scratch CacheRetrieval::cut(Pieces& pieces) const noexcept {
  const AttentionShape& shape = scores_.shape();
  const std::size_t n = round_up(shape.keys, kDecodeChunk);
  Scratch s{};
  if (by_boxes()) s.visits = BoxVisits::Scratch::cut(pieces, shape.keys, most_kept_);
  s.found.scores = pieces.take<float>(most_kept_ + 64);
  s.found.tokens = pieces.take<std::uint32_t>(most_kept_ + 64);
  s.found.packed = pieces.take<std::uint64_t>(n);
  s.query = pieces.take<float>(3 * simd::row_columns(shape.head_dim));
  s.weights = pieces.take<float>(most_kept_ + 64);
  s.values = pieces.take<float>(most_kept_ * shape.value_dim);
  s.scored = pieces.take<float>(shape.value_dim);
  s.nearest_scores = pieces.take<float>(by_boxes() ? 0 : n);
  s.nearest = pieces.take<std::uint32_t>(by_boxes() ? 0 : n);
  s.distances = pieces.take<std::uint8_t>(by_boxes() ? 0 : n);
  s.all = pieces.take<float>(options_.recall == nullptr ? 0 : n + 64);
  s.places = pieces.take<std::uint32_t>(most_kept_);
  s.sums = pieces.take<double>(shape.value_dim);
  s.products = pieces.take<double>(shape.value_dim);
  s.sample = pieces.take<TailSampleScratch>(1);
  return s;
}

std::size_t CacheRetrieval::scratch_bytes() const noexcept {
  Pieces pieces(nullptr);
  cut(pieces);
  return pieces.used();
}

void CacheRetrieval::run(Range units) {
  const AttentionShape& shape = scores_.shape();
  const bool fitted = options_.estimator == Estimator::kCompensated || options_.estimator == Estimator::kLinear;
  for (std::size_t query = units.begin; query < units.end; ++query) {
    scores_.start({query, query + 1});
    if (fitted && !cache_.tails().move_to(cache_, problem_.layer, shape.end(query), pool_)) {
      status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the sums over all tokens");
      return;
    }
    pool_.run({0, shape.kv_heads * scores_.rows()}, [this](std::size_t i, std::size_t thread) {
      finish_row(i / scores_.rows(), i % scores_.rows(), thread);
    });
  }
}

void CacheRetrieval::finish_row(std::size_t g, std::size_t r, std::size_t thread) noexcept {
  const AttentionShape& shape = scores_.shape();
  const std::size_t columns = simd::row_columns(shape.head_dim), query_index = scores_.query_of(r);
  Pieces pieces(scratch_.data() + thread * scratch_bytes());
  Scratch s = cut(pieces);
  Row row{.at = {scores_, problem_.layer, g, r, shape.end(query_index)},
          .place = query_index * shape.heads + scores_.head_of(g, r),
          .thread = thread,
          .root = scores_.root(g, r),
          .query_norm = 0.0,
          .score_error = 0.0,
          .key_norm = cache_.key_norm(problem_.layer, g, shape.end(query_index))};
  // The query that the scores are of, as floats: for boxes x+, x- and x, for sketches x and zeros.
  const simd::RowQueries query = scores_.packed(g).from(r, columns);
  double norm = 0.0, off = 0.0;
  for (std::size_t c = 0; c < columns; ++c) {
    const double exact = double{query.floats[c]} / row.root;
    const double x = query.whole == nullptr ? exact : double{*query.scales} * static_cast<double>(query.whole[c]);
    norm += x * x;
    off += (exact - x) * (exact - x);
    s.query[c] = by_boxes() ? static_cast<float>(std::max(x, 0.0)) : static_cast<float>(x);
    s.query[columns + c] = by_boxes() ? static_cast<float>(std::min(x, 0.0)) : 0.0f;
    s.query[2 * columns + c] = static_cast<float>(x);
    if (std::isnan(x)) s.query[c] = std::numeric_limits<float>::quiet_NaN();
  }
  row.query_norm = std::sqrt(norm);
  const double du = static_cast<double>(shape.head_dim + 4) * 0x1p-24;
  row.score_error = (du / (1.0 - du) * row.query_norm + std::sqrt(off)) * row.key_norm;
  FoundTokens& found = s.found;
  found.wanted = options_.budget_of(scores_.head_of(g, r)).entries(row.at.visible);
  if (by_boxes())
    BoxVisits(cache_, cache_.boxes(), row.at, options_.enough, s.visits).find(s.query, row.query_norm, found);
  else
    find_nearest(row, s.query, found, s);
  write(row, found, s);
}

// What is nearest by its sketch; all where there are no sketches yet, or most are wanted.
void CacheRetrieval::find_nearest(const Row& row, const float* query, FoundTokens& found, Scratch& s) noexcept {
  const std::size_t visible = row.at.visible, wanted = nearest(found.wanted);
  std::size_t count = visible;
  if (2 * wanted >= visible || cache_.length(problem_.layer) < KeySketches::kCenterTokens) {
    std::iota(s.nearest, s.nearest + visible, 0u);
  } else {
    const KeySketches::Sketch of_query = cache_.sketches().of_query(query);
    for (std::size_t first = 0; first < visible; first += kShadowTokens)
      simd::kernel_sketch_distances(cache_.sketches().sketches(problem_.layer, first, row.at.g)->words,
                                    std::min(kShadowTokens, visible - first), of_query.words, s.distances + first);
    // How far one must look, from every 8th token.
    std::uint32_t histogram[KeySketches::kBits + 1] = {};
    for (std::size_t j = 0; j < visible; j += 8) ++histogram[s.distances[j]];
    std::size_t limit = 0, total = histogram[0];
    while (8 * total < wanted) total += histogram[++limit];
    do {
      count = simd::kernel_nearest(s.distances, visible, static_cast<std::uint8_t>(limit++), 0, s.nearest);
    } while (count < found.wanted);
  }
  scores_.form_listed(row.at.g, row.at.row, s.nearest, count, s.nearest_scores);
  found.scored = count;
  found.rest = std::numeric_limits<double>::quiet_NaN();
  if (!std::all_of(s.nearest_scores, s.nearest_scores + count, [](float x) { return x < simd::kInfinity; })) return;
  const Cut cut = take_best(s.nearest_scores, s.nearest, count, found);
  found.rest = found.count == visible ? 0.0 : simd::kInfinity;
  found.highest = count == visible ? double{cut.score} : double{simd::kInfinity};
  if (!monitor_.wanted() || found.count == 0) return;
  const double best = *std::max_element(found.scores, found.scores + found.count);
  for (std::size_t i = 0; i < count; ++i) found.known += std::exp(double{s.nearest_scores[i]} - best);
  for (std::size_t i = 0; i < found.count; ++i) found.known -= std::exp(double{found.scores[i]} - best);
  found.known = std::max(0.0, found.known);
}

// The share of the exact set that was found; of equal scores any will do.
void CacheRetrieval::measure_recall(const Row& row, const FoundTokens& found, Scratch& s) noexcept {
  float& share = options_.recall[row.place];
  share = std::numeric_limits<float>::quiet_NaN();
  if (std::isnan(found.rest)) return;
  for (std::size_t first = 0; first < row.at.visible; first += kPageTokens)
    scores_.form_row(row.at.g, row.at.row, {first, std::min(first + kPageTokens, row.at.visible)}, s.all + first);
  // A spoiled token that was not looked at.
  if (!std::all_of(s.all, s.all + row.at.visible, [](float x) { return x < simd::kInfinity; })) return;
  share = 1.0f;
  if (found.wanted == 0) return;
  const Cut cut = kth_best(s.all, row.at.visible, found.wanted);
  const auto hits = std::count_if(found.scores, found.scores + found.count, [&](float x) { return x >= cut.score; });
  share = static_cast<float>(hits) / static_cast<float>(found.wanted);
}

// What the tokens that were not kept weigh, from a sample of them, as the sums over all with which sparse/tail.hpp
// finds this very line over the others.
void CacheRetrieval::sample(Row& row, const FoundTokens& found, Scratch& s) noexcept {
  const AttentionShape& shape = scores_.shape();
  const std::size_t others = row.at.visible - found.count, columns = shape.value_dim;
  const CounterRandom random(options_.seed, problem_.layer + 1);
  const std::uint64_t head = scores_.head_of(row.at.g, row.at.row);
  const std::uint64_t step = std::uint64_t{row.at.visible} * shape.heads + head;
  const std::size_t size =
      choose_sample(row.at.visible, found.tokens, found.count, random, step * kTailSample, *s.sample);
  heap_sort(s.sample->indices, s.sample->indices + size, std::less<>());
  scores_.form_listed(row.at.g, row.at.row, s.sample->indices, size, s.sample->scores);
  const SampledTail tail = tail_of_sample(others, size, row.best, *s.sample);
  const double reference = double{tail.reference};
  row.sampled = size;
  row.deviation = tail.deviation;
  row.sums.kept = weigh(found, tail.reference, s.weights);
  row.sums.all = tail.spoiled ? std::numeric_limits<double>::quiet_NaN() : row.sums.kept + tail.weight;
  row.scores.reference = reference;
  if (options_.estimator == Estimator::kRenormalized || options_.estimator == Estimator::kRaw) return;

  // Sums over all that the row sees.
  std::copy_n(cache_.tails().values(problem_.layer, row.at.g), columns, s.sums);
  if (options_.estimator == Estimator::kCompensated) return;
  const double* product = cache_.tails().products(problem_.layer, row.at.g);
  const double* const keys = cache_.tails().keys(problem_.layer, row.at.g);
  const std::size_t padded = simd::row_columns(shape.head_dim);
  std::fill_n(s.products, columns, 0.0);
  double score = 0.0;
  for (std::size_t i = 0; i < shape.head_dim; ++i, product += columns) {
    const double q = double{s.query[i]} + double{s.query[padded + i]};
    score += q * keys[i];
    for (std::size_t c = 0; c < columns; ++c) s.products[c] += q * product[c];
  }
  for (std::size_t c = 0; c < columns; ++c) s.scored[c] = static_cast<float>(s.products[c]);

  ScoreSums& sums = row.scores;
  sums.x = score - static_cast<double>(row.at.visible) * reference;
  double x = sums.x;
  for (std::size_t j = 0; j < found.count; ++j) {
    const double xj = double{found.scores[j]} - reference;
    x -= xj;
    sums.x_squared += xj * xj;
    sums.w_x += double{s.weights[j]} * xj;
  }
  sums.x_squared += tail.spread + x * x / static_cast<double>(others);
  sums.w_x += tail.slope * tail.spread + x / static_cast<double>(others) * tail.weight;
}

void CacheRetrieval::look(const Row& row, const FoundTokens& found, const Scratch& s) noexcept {
  if (std::isnan(row.sums.all)) return monitor_.spoiled(row.place);
  monitor_.skipped({.kept = found.scores,
                    .count = found.count,
                    .visible = row.at.visible,
                    .known = found.known,
                    .most = found.rest,
                    .highest = found.highest,
                    .score_error = row.score_error,
                    .sample = s.sample,
                    .sampled = row.sampled},
                   row.place, row.thread);
}

void CacheRetrieval::write(Row& row, FoundTokens& found, Scratch& s) noexcept {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const AttentionShape& shape = scores_.shape();
  const std::size_t visible = row.at.visible, count = found.count, columns = shape.value_dim;
  // A row that sees nothing is 0, whatever its query is.
  const bool spoiled = visible != 0 && (std::isnan(found.rest) || std::isnan(row.query_norm));
  if (options_.recall != nullptr) measure_recall(row, found, s);
  if (options_.kept != nullptr) options_.kept[row.place] = static_cast<std::uint32_t>(found.wanted);
  if (spoiled) {
    // Which tokens are kept says nothing then; as many as were asked for, the first ones.
    std::iota(found.tokens, found.tokens + found.wanted, 0u);
    std::fill_n(problem_.out + row.place * columns, columns, kNaN);
    for (float* const to : {options_.dropped, options_.bound, options_.interval})
      if (to != nullptr) to[row.place] = kNaN;
    if (options_.indices != nullptr)
      std::copy_n(found.tokens, found.wanted, options_.indices + options_.offsets[row.place]);
    return monitor_.spoiled(row.place);
  }
  if (count != 0) row.best = *std::max_element(found.scores, found.scores + count);
  // No score exceeds |q| |k|, the rounding of the chain aside.
  const double highest = row.query_norm * row.key_norm * (1.0 + 1e-6) + row.score_error;
  found.highest = std::min(found.highest, highest);
  if (std::isinf(found.rest)) found.rest = static_cast<double>(visible - count) * std::exp(highest - double{row.best});
  const float bound = certified_mass(weigh(found, row.best, s.weights), found.rest, row.score_error);
  row.sums = {.visible = visible, .entries = count};
  float dropped = bound, interval = 0.0f;
  const bool tail = options_.sampled && count < visible;
  if (tail) {
    sample(row, found, s);
    const double all = row.sums.all;
    dropped = std::isnan(all) ? kNaN : std::min(bound, static_cast<float>((all - row.sums.kept) / all));
    interval = static_cast<float>(1.96 * row.deviation * row.sums.kept / (all * all));
  } else if (count != 0) {
    row.sums.kept = row.sums.all = weigh(found, row.best, s.weights);
    if (count == visible) dropped = 0.0f;
  }
  if (monitor_.wanted()) look(row, found, s);
  if (options_.dropped != nullptr) options_.dropped[row.place] = dropped;
  if (options_.bound != nullptr) options_.bound[row.place] = bound;
  if (options_.interval != nullptr) options_.interval[row.place] = interval;
  if (options_.indices != nullptr) std::copy_n(found.tokens, count, options_.indices + options_.offsets[row.place]);
  for (std::size_t i = 0; i < count; ++i) {
    cache_.read(problem_.layer, row.at.g, found.tokens[i], nullptr, s.values + i * columns);
    s.places[i] = static_cast<std::uint32_t>(i);
  }
  write_row(options_.estimator, {s.values, count, columns, columns}, {s.places, found.scores, s.weights}, row.sums,
            row.scores, {s.sums, s.scored, 1}, problem_.out + row.place * columns);
}

}  // namespace heed
