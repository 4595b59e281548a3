#include "simulate/row_study.hpp"

#include <algorithm>
#include <cmath>

#include "base/pieces.hpp"

namespace heed {
namespace {

// What the bounds of l2 may miss by: the exponentials of a row are off by a share of kExpError + 2 u |x| each, at most
// 1.1e-5 for |x| <= 88 (simd/exp.hpp), and l2 and its bounds are homogeneous in them.
constexpr double kSlackOfBounds = 3e-5;

std::size_t columns_of(const StudyRequest& request) noexcept {
  return StudyResult::kFirstKept + request.keep.size() * StudyResult::kKeptColumns + request.thresholds.size() +
         request.masses.size() + request.targets.size();
}

std::size_t groups_of(const SourceOptions& source) noexcept {
  const std::size_t rows = RowSource::group_rows(source);
  return (source.sampled() + rows - 1) / rows;
}

std::size_t units_of(const SourceOptions& source) noexcept {
  return groups_of(source) * (1 + RowSource::stretches(source.n)) + source.sampled();
}

RowScratch pieces_of(Pieces& pieces, std::size_t longest) noexcept {
  const std::size_t padded = round_up(longest, 16);
  return {pieces.take<float>(padded), pieces.take<float>(padded), pieces.take<double>(longest + 1),
          pieces.take<double>(longest + 1)};
}

}  // namespace

StudyRunner::StudyRunner(std::vector<StudyRequest> requests, TaskPool& pool)
    : requests_(std::move(requests)), pool_(pool) {
  status_ = prepare();
}

Status StudyRunner::prepare() {
  std::vector<SourceOptions> sources;
  std::size_t values = 0, unit = 0;
  starts_.push_back(0);
  for (const StudyRequest& request : requests_) {
    sources.push_back(request.source);
    values = std::max(values, request.source.sampled() * columns_of(request));
    longest_ = std::max(longest_, request.source.n);
    unit += units_of(request.source);
    starts_.push_back(unit);
  }
  results_.resize(requests_.size());
  Pieces pieces(nullptr);
  pieces_of(pieces, longest_);
  row_bytes_ = pieces.used();
  const CheckedSize bytes = checked_product({row_bytes_, pool_.threads()});
  if (!bytes.fits || !source_.reserve(sources.data(), sources.size(), pool_.threads()) || !values_.resize(values) ||
      !row_memory_.resize(bytes.value))
    return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the simulation; take a smaller n or fewer rows");
  return {};
}

RowScratch StudyRunner::row_scratch(std::size_t thread) noexcept {
  Pieces pieces(row_memory_.data() + thread * row_bytes_);
  return pieces_of(pieces, longest_);
}

void StudyRunner::run(Range units) {
  std::size_t study = 0;
  for (std::size_t unit = units.begin; unit < units.end;) {
    while (starts_[study + 1] <= unit) ++study;
    const std::size_t start = starts_[study], end = std::min(units.end, starts_[study + 1]);
    unit = start + run_some(study, unit - start, end - start);
    if (unit == starts_[study + 1]) join(study);
  }
}

// Does one kind of units of one group, at most up to `end`; returns where it stopped.
std::size_t StudyRunner::run_some(std::size_t study, std::size_t unit, std::size_t end) {
  const SourceOptions& source = requests_[study].source;
  study_ = study;
  if (unit == 0) source_.begin(source);
  const std::size_t rows = RowSource::group_rows(source), stretches = RowSource::stretches(source.n);
  const std::size_t group = unit / (1 + stretches + rows), start = group * (1 + stretches + rows);
  const std::size_t first = group * rows, fills = start + 1, examined = fills + stretches;
  if (unit == start) {
    source_.begin_group(first);
    return unit + 1;
  }
  const std::size_t stop = std::min(end, unit < examined ? examined : examined + rows);
  if (unit < examined) {
    pool_.run({unit - fills, stop - fills}, [this](std::size_t i, std::size_t thread) { source_.fill(i, thread); });
  } else {
    pool_.run({first + unit - examined, first + stop - examined},
              [this](std::size_t row, std::size_t thread) { examine(row, thread); });
  }
  return stop;
}

void StudyRunner::examine(std::size_t row, std::size_t thread) noexcept {
  const StudyRequest& request = requests_[study_];
  double* value = values_.data() + row * columns_of(request);
  const float* scores = source_.scores(row);
  const std::size_t visible = source_.visible(row), own = source_.token(row);
  const RowScratch scratch = row_scratch(thread);
  double sum = 0.0, squares = 0.0, extreme = 0.0;
  for (std::size_t j = 0; j < visible; ++j) {
    if (j == own) continue;
    const double score = double{scores[j]};
    extreme = std::max(extreme, std::abs(score));
    sum += score;
    squares += score * score;
  }
  std::size_t count = visible;
  std::copy_n(scores, visible, scratch.scores);
  if (!request.source.self) {
    // A row sorts its scores anyway: the last takes the place of its own.
    scratch.scores[own] = scratch.scores[--count];
  }
  if (count == 0) {
    std::fill_n(value, columns_of(request), 0.0);
    return;
  }
  const SortedRow sorted(scratch, count);
  const auto put = [&value](double x) { *value++ = x; };
  put(sorted.entropy());
  put(sorted.participation());
  put(sorted.probability(0));
  put(request.source.self ? sorted.probability_of(double{scores[own]}) : 0.0);
  put(static_cast<double>(count));
  put(double{scores[own]});
  put(sum);
  put(squares);
  put(static_cast<double>(visible - 1));
  put(extreme);
  for (const KeepRule& rule : request.keep) {
    const std::size_t k = rule.entries(count);
    const double l2 = sorted.l2(k), least = sorted.least_l2(k), most = sorted.most_l2(k);
    put(static_cast<double>(k));
    put(sorted.dropped(k));
    put(l2);
    put(sorted.largest_error(k));
    put(least);
    put(most);
    put(k < count && (l2 < least * (1.0 - kSlackOfBounds) || l2 > most * (1.0 + kSlackOfBounds)) ? 1.0 : 0.0);
  }
  for (const double epsilon : request.thresholds) put(static_cast<double>(sorted.effective(epsilon)));
  for (const double mass : request.masses) put(static_cast<double>(sorted.keep_for_mass(mass)));
  for (const double target : request.targets) put(static_cast<double>(sorted.keep_for_l2(target)));
  if (request.visitor != nullptr) request.visitor->visit(row, scores, sorted, thread);
}

void StudyRunner::join(std::size_t study) noexcept {
  const StudyRequest& request = requests_[study];
  StudyResult& result = results_[study];
  const std::size_t width = columns_of(request);
  result.rows = request.source.sampled();
  result.keeps = request.keep.size();
  result.thresholds = request.thresholds.size();
  result.masses = request.masses.size();
  result.columns.assign(width, {});
  const auto rows = static_cast<double>(result.rows);
  for (std::size_t c = 0; c < width; ++c) {
    Column& column = result.columns[c];
    column.most = -INFINITY;
    for (std::size_t r = 0; r < result.rows; ++r) {
      const double x = values_[r * width + c];
      column.mean += x;
      column.most = std::max(column.most, x);
    }
    column.mean /= rows;  // once, so that whole numbers have whole means
    for (std::size_t r = 0; r < result.rows; ++r) {
      const double off = values_[r * width + c] - column.mean;
      column.deviation += off * off / rows;
    }
    column.deviation = std::sqrt(column.deviation);
  }
  const double pairs = result.scalar(Scalar::kPairs).mean;
  if (pairs > 0.0) {
    const double mean = result.scalar(Scalar::kScore).mean / pairs;
    result.sigma = std::sqrt(std::max(0.0, result.scalar(Scalar::kSquare).mean / pairs - mean * mean));
  }
  if (request.norms && request.source.weights != Weights::kNone && request.source.weights != Weights::kGiven) {
    result.norms = source_.weight_norms();
    result.tokens = source_.token_range();
  }
}

}  // namespace heed
