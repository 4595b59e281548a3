#include "cache/decode_whole_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/row_values.hpp"
#include "simd/score_rules.hpp"
#include "sparse/page_bounds.hpp"
#include "sparse/row_certificates.hpp"

namespace heed {

// Cut from one allocation.
struct CacheWholeRows::Scratch {
  WholeRow row;
  WholeRowScratch own;
  float *weights, *part;  // of kTokensAtOnce tokens, and the sum of their values
  double* total;          // of all values
  float *key, *value;     // one token
};

CacheWholeRows::CacheWholeRows(KvCache& cache, const DecodeProblem& problem, const CacheTopKOptions& options,
                               TaskPool& pool)
    : cache_(cache),
      problem_(problem),
      options_{.budget = options.budget,
               .estimator = options.estimator,
               .dropped = options.dropped,
               .bound = options.bound,
               .kept = options.kept,
               .indices = options.indices,
               .offsets = options.offsets,
               .head_budgets = options.head_budgets,
               .certificates = options.certificates,
               .only_count = options.only_count},
      pool_(pool),
      status_(validate(cache, problem)),
      scores_(cache_, problem_),
      monitor_(options.monitor) {
  if (status_.ok()) status_ = validate(options_, problem.heads);
  if (status_.ok()) status_ = prepare();
}

bool CacheWholeRows::needs_logits() const noexcept {
  return options_.estimator == Estimator::kLinear && (problem_.softcap != 0.0 || problem_.mask.bias != nullptr);
}

Status CacheWholeRows::prepare() {
  const AttentionShape& shape = scores_.shape();
  stride_ = round_up(shape.keys, kDecodeChunk);
  for (std::size_t i = 0; i < shape.queries; ++i) most_seen_ = std::max(most_seen_, shape.visible(i));
  const CheckedSize formed = checked_product({shape.kv_heads, scores_.most_rows(), stride_});
  const CheckedSize scratch = checked_product({scratch_bytes(), pool_.threads()});
  const bool room = formed.fits && scratch.fits && monitor_.prepare(most_seen_, pool_.threads()) && scores_.prepare() &&
                    formed_.resize(formed.value) && logits_.resize(needs_logits() ? formed.value : 0) &&
                    scratch_.resize(scratch.value) &&
                    (!options_.certificates.wanted() || cache_.boxes().update(cache_, problem_.layer, pool_));
  if (!room) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the call");
  return {};
}

CacheWholeRows::Scratch CacheWholeRows::cut(Pieces& pieces) const noexcept {
  const AttentionShape& shape = scores_.shape();
  const std::size_t n = round_up(most_seen_, simd::kPanel), columns = simd::row_columns(shape.value_dim);
  Scratch s{};
  s.row.scores = pieces.take<float>(n);
  s.row.logits = needs_logits() ? pieces.take<float>(n) : s.row.scores;
  s.row.keys = pieces.take<std::uint32_t>(n);
  s.row.residuals = pieces.take<float>(options_.certificates.wanted() ? n : 0);
  s.own = {pieces.take<float>(n), pieces.take<std::uint32_t>(n), pieces.take<float>(n)};
  s.weights = pieces.take<float>(kTokensAtOnce);
  s.part = pieces.take<float>(columns);
  s.total = pieces.take<double>(columns);
  s.key = pieces.take<float>(shape.head_dim);
  s.value = pieces.take<float>(shape.value_dim);
  return s;
}

std::size_t CacheWholeRows::scratch_bytes() const noexcept {
  Pieces pieces(nullptr);
  cut(pieces);
  return pieces.used();
}

void CacheWholeRows::run(Range units) {
  const std::size_t heads = scores_.shape().kv_heads, pages = stride_ / kDecodeChunk;
  for (std::size_t unit = units.begin; unit < units.end; ++unit) {
    scores_.start({unit * kDecodeQueries, std::min((unit + 1) * kDecodeQueries, problem_.queries)});
    pool_.run({0, heads * pages}, [&](std::size_t i, std::size_t) { form_page(i / pages, i % pages); });
    pool_.run({0, heads * scores_.rows()}, [this](std::size_t i, std::size_t thread) {
      finish_row(i / scores_.rows(), i % scores_.rows(), thread);
    });
  }
}

void CacheWholeRows::form_page(std::size_t g, std::size_t page) noexcept {
  const std::size_t first = page * kDecodeChunk;
  const Range tokens{first, std::min(first + kDecodeChunk, scores_.shape().keys)};
  if (!scores_.any_see(tokens)) return;
  scores_.form(g, tokens, scores_of(g, 0) + first, stride_, needs_logits() ? logits_of(g, 0) + first : nullptr);
}

void CacheWholeRows::append_visible(std::size_t g, std::size_t r, Range tokens, WholeRow& row) noexcept {
  const float *const scores = scores_of(g, r), *const logits = logits_of(g, r);
  for (std::size_t t = tokens.begin; t < tokens.end; ++t) {
    if (!scores_.allowed(g, r, t)) continue;
    row.logits[row.count] = logits[t];
    row.scores[row.count] = scores[t];
    row.keys[row.count++] = static_cast<std::uint32_t>(t);
    row.sinks += t < problem_.sinks ? 1 : 0;
  }
}

void CacheWholeRows::finish_row(std::size_t g, std::size_t r, std::size_t thread) noexcept {
  const AttentionShape& shape = scores_.shape();
  Pieces pieces(scratch_.data() + thread * scratch_bytes());
  Scratch s = cut(pieces);
  const std::size_t i = scores_.query_of(r), head = scores_.head_of(g, r), place = i * shape.heads + head;
  append_visible(g, r, {0, std::min(shape.sinks, shape.from(i))}, s.row);
  append_visible(g, r, {shape.from(i), shape.end(i)}, s.row);
  s.row.weigh(s.own);
  s.row.choose(options_, head, place, s.own);
  if (options_.only_count) return;
  s.row.sums.score_error = score_error(g, r, s.row, s);
  s.row.report(options_, place, s.own);
  watch(place, thread, s);
  s.row.prepare(options_.estimator, s.own);
  const bool certified = options_.certificates.wanted();
  if (certified) certify_mass(g, r, place, s.row, s);
  float* const out = problem_.out + place * shape.value_dim;
  if (!s.row.weighs()) {
    const float nothing = s.row.sums.all == 0.0 ? 0.0f : std::numeric_limits<float>::quiet_NaN();
    std::fill_n(out, shape.value_dim, nothing);
    return;
  }
  s.row.settle(options_.estimator, certified, s.own);
  mix(g, s.row, s, out);
  if (certified) certify_output(g, place, s.row, out, s);
}

// Before the kept weights are made: their room holds the kept scores until then.
void CacheWholeRows::watch(std::size_t place, std::size_t thread, const Scratch& s) noexcept {
  if (!monitor_.wanted()) return;
  const std::size_t kept = s.row.sums.entries;
  for (std::size_t i = 0; i < kept; ++i) s.own.kept_weights[i] = s.row.scores[s.own.places[i]];
  monitor_.scored({s.row.scores, s.row.count, s.own.kept_weights, s.own.places, kept, 0.0}, place, thread);
}

// delta of sparse/dropped_mass.hpp. The norms of all tokens are known at once, but hidden ones count among them: where
// that would say little the visible ones are asked themselves.
double CacheWholeRows::score_error(std::size_t g, std::size_t r, const WholeRow& row, Scratch& s) const noexcept {
  constexpr double kLittle = 1.0 / 64.0;
  const AttentionShape& shape = scores_.shape();
  const QueryNorms query = scores_.norms(g, r);
  const double du = static_cast<double>(shape.head_dim + 4) * 0x1p-24;
  const double of_norm = du / (1.0 - du) * query.exact + query.rounded_away;
  double key_norm = cache_.key_norm(problem_.layer, g, shape.end(scores_.query_of(r)));
  if (!(of_norm * key_norm < kLittle)) {
    key_norm = 0.0;
    for (std::size_t j = 0; j < row.count; ++j) {
      cache_.read(problem_.layer, g, row.keys[j], s.key, nullptr);
      key_norm = std::max(key_norm, row_norm(s.key, shape.head_dim));
    }
  }
  const double of_bias = problem_.mask.bias == nullptr ? 0.0 : 0x1p-24 * std::abs(row.reference);
  return of_norm * key_norm + double{simd::kSoftcapError} * problem_.softcap + of_bias;
}

// Tokens with the weight 0 are not read.
void CacheWholeRows::mix(std::size_t g, const WholeRow& row, Scratch& s, float* out) const noexcept {
  const AttentionShape& shape = scores_.shape();
  const std::size_t columns = simd::row_columns(shape.value_dim);
  std::fill_n(s.total, columns, 0.0);
  for (std::size_t j = 0; j < row.count;) {
    if (row.scores[j] == 0.0f) {
      ++j;
      continue;
    }
    const std::size_t first = row.keys[j] / kTokensAtOnce * kTokensAtOnce;
    const Range tokens{first, std::min(first + kTokensAtOnce, shape.keys)};
    std::fill_n(s.weights, kTokensAtOnce, 0.0f);
    for (; j < row.count && row.keys[j] < tokens.end; ++j) s.weights[row.keys[j] - first] = row.scores[j];
    std::fill_n(s.part, columns, 0.0f);
    simd::kernel_row_values(cache_.shape().type, s.weights, cache_.value_rows(problem_.layer, g, tokens), tokens.size(),
                            columns, s.part);
    for (std::size_t c = 0; c < columns; ++c) s.total[c] += double{s.part[c]};
  }
  for (std::size_t c = 0; c < shape.value_dim; ++c) out[c] = static_cast<float>(s.total[c]);
}

// Pages are the boxes of page_boxes.hpp.
void CacheWholeRows::certify_mass(std::size_t g, std::size_t r, std::size_t place, WholeRow& row,
                                  const Scratch& s) const noexcept {
  if (!certify_scores(row, s.own, options_.certificates, place)) return;
  const AttentionShape& shape = scores_.shape();
  const PageBoxes& boxes = cache_.boxes();
  const float* const query = problem_.q + place * shape.head_dim;
  const auto highest = [&](std::size_t box) {
    const std::size_t columns = boxes.row_columns();
    const float* const most =
        boxes.rows(problem_.layer, box * PageBoxes::kBoxTokens, g).as<float>() + box % PageBoxes::kPageBoxes * columns;
    return highest_product(query, problem_.scale, most + columns / 2, most, shape.head_dim);
  };
  const PagesSeen pages{PageBoxes::kBoxTokens, shape.keys, scores_.bias_of(g, r), problem_.softcap};
  certify_blocks(row, options_.certificates, place, dropped_weight_above(row, s.own, pages, highest));
}

// The center of a row is what it returned, 0 for raw.
void CacheWholeRows::certify_output(std::size_t g, std::size_t place, const WholeRow& row, const float* out,
                                    Scratch& s) const noexcept {
  const std::size_t columns = scores_.shape().value_dim;
  const bool centered = options_.estimator != Estimator::kRaw;
  OutputEvidence known{.chain = kTokensAtOnce, .products = row.count * columns};
  for (std::size_t j = 0; j < row.count; ++j) {
    cache_.read(problem_.layer, g, row.keys[j], nullptr, s.value);
    double distance = 0.0;
    for (std::size_t c = 0; c < columns; ++c) {
      const double x = double{s.value[c]} - (centered ? double{out[c]} : 0.0);
      distance += x * x;
    }
    add_residual(row, j, std::sqrt(distance), row_norm(s.value, columns), known);
  }
  options_.certificates.output_error[place] =
      certified_output_error(row, known, centered ? row_norm(out, columns) : 0.0);
}

}  // namespace heed
