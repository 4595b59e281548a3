#include "simulate/block_stack.hpp"

#include <algorithm>
#include <cmath>

#include "base/pieces.hpp"
#include "simulate/streams.hpp"

namespace heed {
namespace {

// to = from W, W (rows, columns): columns side by side, so the compiler makes vectors of the inner loop.
void times(const float* from, const float* matrix, std::size_t rows, std::size_t columns, float* to) noexcept {
  std::fill_n(to, columns, 0.0f);
  for (std::size_t r = 0; r < rows; ++r) {
    const float x = from[r];
    const float* row = matrix + r * columns;
    for (std::size_t c = 0; c < columns; ++c) to[c] += x * row[c];
  }
}

// N(x); a row of zeros stays one.
void normalize(const float* x, std::size_t d, float* to) noexcept {
  double squares = 0.0;
  for (std::size_t c = 0; c < d; ++c) squares += double{x[c]} * double{x[c]};
  const double factor = squares > 0.0 ? std::sqrt(static_cast<double>(d) / squares) : 0.0;
  for (std::size_t c = 0; c < d; ++c) to[c] = static_cast<float>(double{x[c]} * factor);
}

void draw(std::uint64_t seed, std::uint64_t stream, std::size_t count, double variance, float* to) noexcept {
  CounterRandom(seed, stream).fill_normal(0, count, to);
  const auto deviation = static_cast<float>(std::sqrt(variance));
  for (std::size_t i = 0; i < count; ++i) to[i] *= deviation;
}

}  // namespace

bool BlockStack::reserve(const BlockOptions& options, TaskPool& pool) {
  options_ = options;
  pool_ = &pool;
  reports_.resize(options.layers);
  const std::size_t n = options.source.n, d = width();
  bytes_ = 0;
  Pieces pieces(nullptr);
  for (int i = 0; i < 3; ++i) pieces.take<float>(round_up(n, 16));
  for (int i = 0; i < 2; ++i) pieces.take<double>(n + 1);
  for (int i = 0; i < 2; ++i) pieces.take<float>(d);
  pieces.take<float>(4 * d);
  bytes_ = pieces.used();
  const CheckedSize rows = checked_product({kStreams, n, d});
  const CheckedSize memory = checked_product({bytes_, pool.threads()});
  return rows.fits && memory.fits && input_.reserve(d) && weights_.resize(12 * d * d) && tokens_.resize(rows.value) &&
         next_.resize(rows.value) && queries_.resize(2 * n * d) && values_.resize(2 * n * d) &&
         keys_.resize(2 * n * d) && statistics_.resize(n * options.heads * 3) &&
         chain_.resize(TokenInput::scratch_size(d)) && memory_.resize(memory.value);
}

BlockStack::Scratch BlockStack::scratch(std::size_t thread) noexcept {
  Pieces pieces(memory_.data() + thread * bytes_);
  const std::size_t n = options_.source.n, padded = round_up(n, 16);
  Scratch s;
  s.row.scores = pieces.take<float>(padded);
  s.row.weights = pieces.take<float>(padded);
  s.scores = pieces.take<float>(padded);
  s.row.tail = pieces.take<double>(n + 1);
  s.row.squares = pieces.take<double>(n + 1);
  s.normed = pieces.take<float>(width());
  s.mixed = pieces.take<float>(width());
  s.hidden = pieces.take<float>(4 * width());
  return s;
}

void BlockStack::begin(std::uint64_t seed) noexcept { seed_ = seed; }

void BlockStack::run(Range units) {
  for (std::size_t unit = units.begin; unit < units.end;) {
    if (unit == 0) {
      make_tokens();
      ++unit;
      continue;
    }
    const std::size_t layer = (unit - 1) / per_layer(), start = 1 + layer * per_layer(), place = unit - start;
    if (place == 0) {
      make_weights(layer);
      ++unit;
      continue;
    }
    if (place == per_layer() - 1) {
      look(layer);
      ++unit;
      continue;
    }
    const bool first = place <= chunks();
    const std::size_t base = start + 1 + (first ? 0 : chunks()), stop = std::min(units.end, base + chunks());
    pool_->run({unit - base, stop - base}, [&](std::size_t chunk, std::size_t thread) {
      first ? project(chunk, thread) : apply(layer, chunk, thread);
    });
    unit = stop;
  }
}

void BlockStack::make_tokens() noexcept {
  const std::size_t n = options_.source.n, d = width();
  const SourceOptions& source = options_.source;
  input_.begin(source.input, source.strength, n, d, seed_);
  float* tokens = tokens_.data();
  input_.fill({0, n}, tokens, d, chain_.data());
  if (!normed_first())
    for (std::size_t i = 0; i < n; ++i) normalize(tokens + i * d, d, tokens + i * d);
  std::copy_n(tokens, n * d, rows_of(tokens_, kSparse, 0));
}

void BlockStack::make_weights(std::size_t layer) noexcept {
  const std::size_t d = width(), square = d * d;
  const std::uint64_t stream = kLayerStream + 6 * layer;
  const double own = 1.0 / static_cast<double>(d);
  for (std::size_t i = 0; i < 4; ++i) draw(seed_, stream + i, square, own, weights_.data() + i * square);
  draw(seed_, stream + 4, 4 * square, 2.0 * own, weights_.data() + 4 * square);
  draw(seed_, stream + 5, 4 * square, 0.25 * own, weights_.data() + 8 * square);
}

// Queries, keys and values of the exact and the sparse stream.
void BlockStack::project(std::size_t chunk, std::size_t thread) noexcept {
  const std::size_t n = options_.source.n, d = width(), square = d * d;
  const Scratch s = scratch(thread);
  for (std::size_t i = chunk * kRows; i < std::min((chunk + 1) * kRows, n); ++i)
    for (const std::size_t stream : {std::size_t{kExact}, std::size_t{kSparse}}) {
      const float* x = rows_of(tokens_, stream, i);
      if (normed_first()) {
        normalize(x, d, s.normed);
        x = s.normed;
      }
      times(x, weights_.data(), d, d, rows_of(queries_, stream, i));
      times(x, weights_.data() + 2 * square, d, d, rows_of(values_, stream, i));
      times(x, weights_.data() + square, d, d, s.mixed);
      for (std::size_t c = 0; c < d; ++c) keys_[(stream * d + c) * n + i] = s.mixed[c];
    }
}

void BlockStack::apply(std::size_t layer, std::size_t chunk, std::size_t thread) noexcept {
  const std::size_t n = options_.source.n;
  const bool top = sparse(options_, layer);
  const Scratch s = scratch(thread);
  for (std::size_t i = chunk * kRows; i < std::min((chunk + 1) * kRows, n); ++i)
    for (const Stream stream : {kExact, kSparse, kLocal}) {
      attend(i, stream, top && stream != kExact, s);
      const std::size_t from = stream == kSparse ? kSparse : kExact;
      finish_row(rows_of(tokens_, from, i), s, rows_of(next_, stream, i));
    }
}

// The heads of one row, to s.normed; the row of the local stream has the exact stream's scores and values.
void BlockStack::attend(std::size_t row, Stream stream, bool top, const Scratch& s) noexcept {
  for (std::size_t head = 0; head < options_.heads; ++head) attend_head(row, head, stream, top, s);
}

void BlockStack::attend_head(std::size_t row, std::size_t head, Stream stream, bool top, const Scratch& s) noexcept {
  const std::size_t n = options_.source.n, d = width(), h = d / options_.heads, begin = head * h;
  const std::size_t from = stream == kSparse ? kSparse : kExact, seen = options_.source.causal ? row + 1 : n;
  const float* q = rows_of(queries_, from, row) + begin;
  const auto scale = static_cast<float>(options_.source.sigma / std::sqrt(static_cast<double>(h)));
  std::fill_n(s.scores, seen, 0.0f);
  for (std::size_t c = 0; c < h; ++c) {
    const float x = q[c] * scale;
    const float* key = keys_.data() + (from * d + begin + c) * n;
    for (std::size_t j = 0; j < seen; ++j) s.scores[j] += x * key[j];
  }
  std::copy_n(s.scores, seen, s.row.scores);
  const SortedRow sorted(s.row, seen);
  const std::size_t k = std::min(options_.keep, seen);
  if (stream == kExact) {
    double* to = statistics_.data() + (row * options_.heads + head) * 3;
    to[0] = seen > 1 ? sorted.entropy() / std::log(static_cast<double>(seen)) : 1.0;
    to[1] = static_cast<double>(sorted.effective(options_.epsilon));
    to[2] = sorted.dropped(k);
  }
  const bool all = !top || k == seen;
  const auto highest = static_cast<float>(sorted.score(0));
  const float cut = all ? -INFINITY : static_cast<float>(sorted.score(k - 1));
  std::size_t ties = 0;
  while (!all && ties < k && static_cast<float>(sorted.score(k - 1 - ties)) == cut) ++ties;
  double kept[256] = {}, dropped[256] = {}, total = 0.0, rest = 0.0;
  for (std::size_t j = 0; j < seen; ++j) {
    const bool takes = all || s.scores[j] > cut || (s.scores[j] == cut && ties > 0);
    if (!all && takes && s.scores[j] == cut) --ties;
    const double weight = std::exp(double{s.scores[j]} - double{highest});
    const float* v = rows_of(values_, from, j) + begin;
    (takes ? total : rest) += weight;
    if (takes)
      for (std::size_t c = 0; c < h; ++c) kept[c] += weight * double{v[c]};
    else if (options_.compensated)
      for (std::size_t c = 0; c < h; ++c) dropped[c] += double{v[c]};
  }
  const bool compensated = options_.compensated && !all;
  const double tau = rest / (total + rest), others = static_cast<double>(seen - k);
  for (std::size_t c = 0; c < h; ++c)
    s.normed[begin + c] =
        static_cast<float>(compensated ? kept[c] / (total + rest) + tau * dropped[c] / others : kept[c] / total);
}

// From the heads in s.normed to the row after the block.
void BlockStack::finish_row(const float* x, const Scratch& s, float* to) const noexcept {
  const std::size_t d = options_.source.head_dim, square = d * d;
  const auto join = [&](const float* before, const float* change, float* sum) {
    for (std::size_t c = 0; c < d; ++c) sum[c] = (options_.residual ? before[c] : 0.0f) + change[c];
    if (!options_.pre_norm) normalize(sum, d, sum);
  };
  times(s.normed, weights_.data() + 3 * square, d, d, s.mixed);
  join(x, s.mixed, to);
  if (!options_.mlp) return;
  const float* in = to;
  if (options_.pre_norm) {
    normalize(to, d, s.normed);
    in = s.normed;
  }
  times(in, weights_.data() + 4 * square, d, 4 * d, s.hidden);
  for (std::size_t c = 0; c < 4 * d; ++c) s.hidden[c] = std::max(0.0f, s.hidden[c]);
  times(s.hidden, weights_.data() + 8 * square, 4 * d, d, s.mixed);
  join(to, s.mixed, to);
}

void BlockStack::look(std::size_t layer) noexcept {
  const std::size_t n = options_.source.n, d = width(), rows = n * options_.heads;
  LayerReport& report = reports_[layer] = {};
  for (std::size_t i = 0; i < rows; ++i) {
    report.entropy += statistics_[i * 3] / static_cast<double>(rows);
    report.effective += statistics_[i * 3 + 1] / static_cast<double>(rows);
    report.dropped += statistics_[i * 3 + 2] / static_cast<double>(rows);
  }
  double size = 0.0, off = 0.0, local = 0.0;
  for (std::size_t i = 0; i < n * d; ++i) {
    const double exact = double{next_[i]}, sparse = double{next_[n * d + i]}, other = double{next_[2 * n * d + i]};
    size += exact * exact;
    off += (sparse - exact) * (sparse - exact);
    local += (other - exact) * (other - exact);
  }
  report.error = std::sqrt(off / size);
  report.local = std::sqrt(local / size);
  // The mean cosine of two rows, from the length of the sum of their directions. The tokens are not needed any more.
  const auto cosine = [&](std::size_t stream) {
    double squares = 0.0;
    const auto count = static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) normalize(rows_of(next_, stream, i), d, rows_of(tokens_, kLocal, i));
    for (std::size_t c = 0; c < d; ++c) {
      double sum = 0.0;
      for (std::size_t i = 0; i < n; ++i) sum += double{rows_of(tokens_, kLocal, i)[c]};
      squares += sum * sum;
    }
    return (squares / static_cast<double>(d) - count) / (count * (count - 1.0));
  };
  report.cosine = cosine(kExact);
  report.sparse_cosine = cosine(kSparse);
  std::swap(tokens_, next_);
}

}  // namespace heed
