#include "simulate/spectral_error.hpp"

#include <algorithm>
#include <cmath>

#include "base/pieces.hpp"
#include "simd/softmax_pass.hpp"
#include "simulate/streams.hpp"

namespace heed {

namespace {

RowScratch pieces_of(Pieces& pieces, std::size_t n) noexcept {
  const std::size_t padded = round_up(n, 16);
  return {pieces.take<float>(padded), pieces.take<float>(padded), pieces.take<double>(n + 1),
          pieces.take<double>(n + 1)};
}

}  // namespace

bool SpectralError::reserve(SourceOptions source, const std::vector<KeepRule>& keep, TaskPool& pool) {
  source.rows = source.n;
  source_options_ = source;
  keep_ = keep;
  pool_ = &pool;
  norms_.assign(keep.size(), 0.0);
  const std::size_t n = source.n, blocks = (n + kRows - 1) / kRows;
  Pieces pieces(nullptr);
  pieces_of(pieces, n);
  row_bytes_ = pieces.used();
  const CheckedSize partials = checked_product({blocks, keep.size(), n});
  if (!partials.fits || !partials_.resize(partials.value) || !vectors_.resize(keep.size() * n) ||
      !cuts_.resize(n * keep.size()) || !row_memory_.resize(row_bytes_ * pool.threads()) ||
      !source_.reserve(&source, 1, pool.threads()))
    return false;
  const CounterRandom random(source.seed, kStartStream);
  for (std::size_t i = 0; i < vectors_.size(); ++i) vectors_[i] = random.uniform(i % n) - 0.5;
  return true;
}

// Per group its queries, its stretches and its blocks; then the joining.
std::size_t SpectralError::step_units() const noexcept {
  const std::size_t n = source_options_.n, rows = RowSource::group_rows(source_options_);
  const std::size_t groups = (n + rows - 1) / rows;
  return groups * (1 + RowSource::stretches(n)) + (n + kRows - 1) / kRows + 1;
}

void SpectralError::run(Range units) {
  for (std::size_t unit = units.begin; unit < units.end;) unit = run_some(unit, units.end);
}

std::size_t SpectralError::run_some(std::size_t unit, std::size_t end) {
  const std::size_t n = source_options_.n, step = unit / step_units(), start = step * step_units();
  if (unit == start + step_units() - 1) {
    join();
    return unit + 1;
  }
  const std::size_t rows = RowSource::group_rows(source_options_), stretches = RowSource::stretches(n);
  // A group is whole panels; it is made of whole blocks too, or it is the only one.
  const std::size_t blocks = (std::min(rows, n) + kRows - 1) / kRows, per_group = 1 + stretches + blocks;
  const std::size_t group = (unit - start) / per_group, queries = start + group * per_group;
  const std::size_t fills = queries + 1, uses = fills + stretches;
  if (unit == queries) {
    if (step == 0 && group == 0) source_.begin(source_options_);
    source_.begin_group(group * rows);
    return unit + 1;
  }
  const std::size_t last = std::min(start + step_units() - 1, unit < uses ? uses : uses + blocks);
  const std::size_t stop = std::min(end, last);
  if (unit < uses) {
    pool_->run({unit - fills, stop - fills}, [this](std::size_t i, std::size_t thread) { source_.fill(i, thread); });
  } else {
    const std::size_t first = group * blocks;
    pool_->run({first + unit - uses, first + stop - uses},
               [this, step](std::size_t block, std::size_t thread) { apply(block, step == 0, thread); });
  }
  return stop;
}

void SpectralError::apply(std::size_t block, bool first, std::size_t thread) noexcept {
  const std::size_t n = source_options_.n, rules = keep_.size();
  Pieces pieces(row_memory_.data() + thread * row_bytes_);
  const RowScratch scratch = pieces_of(pieces, n);
  double* next = partials_.data() + block * rules * n;
  std::fill_n(next, rules * n, 0.0);
  for (std::size_t row = block * kRows; row < std::min((block + 1) * kRows, n); ++row) {
    const float* scores = source_.scores(row);
    const std::size_t own = source_.token(row), visible = source_.visible(row);
    const bool skips = !source_options_.self;
    const std::size_t count = skips ? visible - 1 : visible;
    if (count == 0) continue;
    Cut* cuts = cuts_.data() + row * rules;
    if (first) {
      std::copy_n(scores, visible, scratch.scores);
      if (skips) scratch.scores[own] = scratch.scores[visible - 1];
      const SortedRow sorted(scratch, count);
      double all = 0.0;
      for (std::size_t i = count; i-- > 0;) all += double{sorted.weight(i)};
      for (std::size_t r = 0; r < rules; ++r) {
        const std::size_t k = keep_[r].entries(count);
        const auto cut = static_cast<float>(sorted.score(k - 1));
        std::size_t ties = 0;
        while (ties < k && sorted.score(k - 1 - ties) == sorted.score(k - 1)) ++ties;
        std::size_t last = 0;
        for (std::size_t j = 0; ties > 0; ++j)
          if (scores[j] == cut && (j != own || !skips)) {
            last = j;
            --ties;
          }
        cuts[r] = {cut, static_cast<float>(sorted.score(0)), static_cast<std::uint32_t>(last), all,
                   all * (1.0 - sorted.dropped(k))};
      }
    }
    std::copy_n(scores, visible, scratch.weights);
    simd::exp_row(scratch.weights, visible, cuts[0].highest);
    if (skips) scratch.weights[own] = 0.0f;
    for (std::size_t r = 0; r < rules; ++r) {
      const Cut& cut = cuts[r];
      const double* vector = vectors_.data() + r * n;
      // An entry of E: its weight times one of two factors.
      const double dropped = -1.0 / cut.all, kept = 1.0 / cut.kept - 1.0 / cut.all;
      double along = 0.0;
      for (std::size_t j = 0; j < visible; ++j) {
        const bool in = scores[j] > cut.score || (scores[j] == cut.score && j <= cut.last);
        scratch.tail[j] = double{scratch.weights[j]} * (in ? kept : dropped);
        along += scratch.tail[j] * vector[j];
      }
      double* sum = next + r * n;
      for (std::size_t j = 0; j < visible; ++j) sum[j] += along * scratch.tail[j];
    }
  }
}

// next = E^T E v / |v|: its length is the square of the norm as v settles.
void SpectralError::join() noexcept {
  const std::size_t n = source_options_.n, rules = keep_.size(), blocks = (n + kRows - 1) / kRows;
  for (std::size_t r = 0; r < rules; ++r) {
    double* vector = vectors_.data() + r * n;
    double before = 0.0, after = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      before += vector[j] * vector[j];
      double sum = 0.0;
      for (std::size_t block = 0; block < blocks; ++block) sum += partials_[(block * rules + r) * n + j];
      vector[j] = sum;
      after += sum * sum;
    }
    norms_[r] = before == 0.0 ? 0.0 : std::sqrt(std::sqrt(after / before));
    const double length = std::sqrt(after);
    if (length > 0.0)
      for (std::size_t j = 0; j < n; ++j) vector[j] /= length;
  }
}

}  // namespace heed
