#include "attention/precise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heed {
namespace {

constexpr std::size_t kPrecisePanel = 8;
constexpr std::size_t kPreciseBlock = 64;
constexpr double kHidden = -std::numeric_limits<double>::infinity();

}  // namespace

struct PreciseAttention::Scratch {
  double* queries;  // (head_dim, kPrecisePanel), scaled
  double* scores;   // (kPreciseBlock, kPrecisePanel)
  double* out;      // (value_dim, kPrecisePanel)
  double highest[kPrecisePanel];
  double sum[kPrecisePanel];
};

struct PreciseAttention::Place {
  std::size_t batch, head, first, last;

  std::size_t query(std::size_t lane) const noexcept { return std::min(first + lane, last - 1); }
};

PreciseAttention::PreciseAttention(const AttentionProblem& problem, TaskPool& pool)
    : problem_(problem), pool_(pool), status_(validate(problem)) {
  if (!status_.ok()) return;
  const CheckedSize total = checked_product({scratch_bytes(), pool.threads()});
  if (!total.fits || !scratch_.resize(total.value))
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the threads");
}

std::size_t PreciseAttention::units() const noexcept {
  const AttentionShape& s = problem_.shape;
  return s.batch * s.heads * ((s.queries + kPrecisePanel - 1) / kPrecisePanel);
}

PreciseAttention::Scratch PreciseAttention::cut(Pieces& pieces) const noexcept {
  Scratch s{};
  s.queries = pieces.take<double>(problem_.shape.head_dim * kPrecisePanel);
  s.scores = pieces.take<double>(kPreciseBlock * kPrecisePanel);
  s.out = pieces.take<double>(problem_.shape.value_dim * kPrecisePanel);
  return s;
}

std::size_t PreciseAttention::scratch_bytes() const noexcept {
  Pieces pieces(nullptr);
  cut(pieces);
  return pieces.used();
}

PreciseAttention::Place PreciseAttention::place(std::size_t unit) const noexcept {
  const AttentionShape& s = problem_.shape;
  const std::size_t heads = s.batch * s.heads, first = unit / heads * kPrecisePanel;
  return {unit % heads / s.heads, unit % s.heads, first, std::min(first + kPrecisePanel, s.queries)};
}

void PreciseAttention::run(Range units) {
  pool_.run(units, [this](std::size_t unit, std::size_t thread) { run_unit(unit, thread); });
}

void PreciseAttention::run_unit(std::size_t unit, std::size_t thread) noexcept {
  const AttentionShape& shape = problem_.shape;
  const Place at = place(unit);
  Pieces pieces(scratch_.data() + thread * scratch_bytes());
  Scratch s = cut(pieces);
  const MatrixView<const float> queries = problem_.query_rows(at.batch, at.head);
  for (std::size_t lane = 0; lane < kPrecisePanel; ++lane) {
    const float* row = queries.row(at.query(lane));
    for (std::size_t c = 0; c < shape.head_dim; ++c)
      s.queries[c * kPrecisePanel + lane] = problem_.scale * double{row[c]};
    s.highest[lane] = kHidden;
    s.sum[lane] = 0.0;
  }
  std::fill_n(s.out, shape.value_dim * kPrecisePanel, 0.0);

  const std::size_t end = shape.end(at.last - 1), from = shape.from(at.first);
  for (std::size_t j = 0; j < end; j += kPreciseBlock) {
    const Range keys{j, std::min(j + kPreciseBlock, end)};
    if (keys.end <= from && keys.begin >= shape.sinks) continue;
    form_scores(at, keys, s);
    apply_rules(at, keys, s);
    absorb(at, keys, s);
  }
  for (std::size_t i = at.first; i < at.last; ++i) {
    const std::size_t lane = i - at.first;
    const double factor = s.sum[lane] == 0.0 ? 0.0 : 1.0 / s.sum[lane];
    float* out = problem_.out_rows(at.batch, at.head).row(i);
    for (std::size_t c = 0; c < shape.value_dim; ++c)
      out[c] = static_cast<float>(s.out[c * kPrecisePanel + lane] * factor);
    if (problem_.lse != nullptr)
      problem_.lse[shape.row_index(at.batch, i, at.head)] =
          s.sum[lane] == 0.0 ? -std::numeric_limits<float>::infinity()
                             : static_cast<float>(s.highest[lane] + std::log(s.sum[lane]));
  }
}

void PreciseAttention::form_scores(const Place& at, Range keys, Scratch& s) const noexcept {
  const MatrixView<const float> rows = problem_.key_rows(at.batch, at.head / problem_.shape.group());
  for (std::size_t j = keys.begin; j < keys.end; ++j) {
    double sum[kPrecisePanel] = {};
    const float* key = rows.row(j);
    const double* query = s.queries;
    for (std::size_t c = 0; c < rows.cols; ++c, query += kPrecisePanel)
      for (std::size_t lane = 0; lane < kPrecisePanel; ++lane) sum[lane] += query[lane] * double{key[c]};
    std::copy_n(sum, kPrecisePanel, s.scores + (j - keys.begin) * kPrecisePanel);
  }
}

void PreciseAttention::apply_rules(const Place& at, Range keys, Scratch& s) const noexcept {
  const AttentionShape& shape = problem_.shape;
  const double cap = problem_.softcap;
  const std::size_t plane = problem_.mask.per_head ? at.head * shape.queries : 0;
  for (std::size_t lane = 0; lane < kPrecisePanel; ++lane) {
    const std::size_t i = at.query(lane), mask_row = (plane + i) * shape.keys;
    for (std::size_t j = keys.begin; j < keys.end; ++j) {
      double& score = s.scores[(j - keys.begin) * kPrecisePanel + lane];
      if (cap != 0.0) score = cap * std::tanh(score / cap);
      if (problem_.mask.bias != nullptr) score += double{problem_.mask.bias[mask_row + j]};
      const bool allowed = problem_.mask.allowed == nullptr || problem_.mask.allowed[mask_row + j] != 0;
      if (!allowed || j >= shape.end(i) || (j < shape.from(i) && j >= shape.sinks)) score = kHidden;
    }
  }
}

void PreciseAttention::absorb(const Place& at, Range keys, Scratch& s) const noexcept {
  const MatrixView<const float> values = problem_.value_rows(at.batch, at.head / problem_.shape.group());
  for (std::size_t lane = 0; lane < kPrecisePanel; ++lane) {
    double highest = s.highest[lane];
    for (std::size_t j = 0; j < keys.size(); ++j) highest = std::max(highest, s.scores[j * kPrecisePanel + lane]);
    if (highest > s.highest[lane]) {
      const double keep = std::exp(s.highest[lane] - highest);
      s.sum[lane] *= keep;
      for (std::size_t c = 0; c < values.cols; ++c) s.out[c * kPrecisePanel + lane] *= keep;
      s.highest[lane] = highest;
    }
    for (std::size_t j = 0; j < keys.size(); ++j) {
      double& score = s.scores[j * kPrecisePanel + lane];
      score = score == kHidden ? 0.0 : std::exp(score - s.highest[lane]);
      s.sum[lane] += score;
    }
  }
  for (std::size_t j = 0; j < keys.size(); ++j) {
    const double* weight = s.scores + j * kPrecisePanel;
    const float* value = values.row(keys.begin + j);
    for (std::size_t c = 0; c < values.cols; ++c) {
      double* out = s.out + c * kPrecisePanel;
      // A weight of 0, which is what a hidden key has, adds nothing, whatever the value is.
      for (std::size_t lane = 0; lane < kPrecisePanel; ++lane)
        out[lane] = weight[lane] == 0.0 ? out[lane] : out[lane] + weight[lane] * double{value[c]};
    }
  }
}

}  // namespace heed
