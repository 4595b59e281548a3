#include "retrieve/hashes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/pieces.hpp"
#include "base/random.hpp"
#include "retrieve/exact_row.hpp"
#include "retrieve/key_center.hpp"
#include "simd/gathered_scores.hpp"
#include "simd/score_tile.hpp"
#include "sparse/candidates.hpp"
#include "sparse/dropped_mass.hpp"

namespace heed {

static_assert(Retriever<Hashes>);

namespace {

constexpr std::size_t kPanels = (Hashes::kTables * Hashes::kBits + simd::kPanel - 1) / simd::kPanel;

std::size_t block_size(std::size_t d) noexcept { return simd::kKeyBlock * (simd::packed_stride(d) + simd::kPanel); }

}  // namespace

struct Hashes::RowScratch {
  std::uint32_t* chunk;  // candidates of a chunk, in whole vectors
  float* scores;         // likewise
  float* best_scores;    // candidates
  std::uint32_t* best;
  float* spare_scores;
  std::uint32_t* spare;
  std::size_t capacity;
  std::size_t tables;  // asked
};

bool Hashes::prepare(const AttentionProblem& problem) noexcept {
  chunks_ = KeyChunks(problem.shape);
  kv_heads_ = problem.shape.kv_heads;
  dim_ = problem.shape.head_dim;
  const std::size_t units = chunks_.units();
  const CheckedSize packed = checked_product({units, block_size(dim_)});
  const CheckedSize members = checked_product({units, kTables, KeyChunks::kSize});
  if (!packed.fits || !members.fits || !vectors_.resize(kPanels * dim_ * simd::kPanel) ||
      !centers_.resize(chunks_.heads * dim_) || !packed_.resize(packed.value) ||
      !hashes_.resize(units * KeyChunks::kSize) || !starts_.resize(units * kTables * (kBuckets + 1)) ||
      !members_.resize(members.value))
    return false;
  // Number (bit, column) of the stream, whatever the width of a panel.
  const CounterRandom random(seed_, 0);
  std::fill_n(vectors_.data(), vectors_.size(), 0.0f);
  for (std::size_t bit = 0; bit < kTables * kBits; ++bit)
    for (std::size_t c = 0; c < dim_; ++c)
      random.fill_normal(bit * dim_ + c, 1,
                         vectors_.data() + (bit / simd::kPanel * dim_ + c) * simd::kPanel + bit % simd::kPanel);
  for (std::size_t h = 0; h < chunks_.heads; ++h)
    find_center(problem.key_rows(h / kv_heads_, h % kv_heads_), centers_.data() + h * dim_);
  return true;
}

// The hashes of up to kKeyBlock packed rows.
void Hashes::hash(const float* packed, std::size_t count, float* products, HashesOf* hashes) const noexcept {
  for (std::size_t i = 0; i < count; ++i) std::fill_n(hashes[i], kTables, std::uint8_t{0});
  for (std::size_t panel = 0; panel < kPanels; ++panel) {
    simd::scores(vectors_.data() + panel * dim_ * simd::kPanel, packed, count, dim_, products);
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
      const std::size_t bit = panel * simd::kPanel + lane;
      if (bit >= kTables * kBits) break;
      for (std::size_t i = 0; i < count; ++i)
        hashes[i][bit / kBits] = static_cast<std::uint8_t>(
            hashes[i][bit / kBits] | (products[i * simd::kPanel + lane] > 0.0f ? 1u << bit % kBits : 0u));
    }
  }
}

void Hashes::build(const AttentionProblem& problem, std::size_t unit) noexcept {
  const std::size_t head = chunks_.head(unit), stride = simd::packed_stride(dim_);
  const Range range = chunks_.range(unit);
  const MatrixView<const float> keys = problem.key_rows(head / kv_heads_, head % kv_heads_);
  const float* center = centers_.data() + head * dim_;
  float* packed = packed_.data() + unit * block_size(dim_);
  HashesOf* hashes = hashes_.data() + unit * KeyChunks::kSize;
  for (std::size_t j = range.begin; j < range.end; j += simd::kKeyBlock) {
    const std::size_t count = std::min(simd::kKeyBlock, range.end - j);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t c = 0; c < dim_; ++c) packed[i * stride + c] = keys.row(j + i)[c] - center[c];
    hash(packed, count, packed + simd::kKeyBlock * stride, hashes + (j - range.begin));
  }
  for (std::size_t table = 0; table < kTables; ++table) {
    std::uint16_t* start = starts_.data() + (unit * kTables + table) * (kBuckets + 1);
    std::uint16_t* member = members_.data() + (unit * kTables + table) * KeyChunks::kSize;
    std::fill_n(start, kBuckets + 1, std::uint16_t{0});
    for (std::size_t i = 0; i < range.size(); ++i) ++start[hashes[i][table] + 1u];
    for (std::size_t b = 0; b < kBuckets; ++b) start[b + 1] = static_cast<std::uint16_t>(start[b + 1] + start[b]);
    std::uint16_t next[kBuckets];
    std::copy_n(start, kBuckets, next);
    for (std::size_t i = 0; i < range.size(); ++i) member[next[hashes[i][table]]++] = static_cast<std::uint16_t>(i);
  }
}

std::size_t Hashes::scratch_bytes(const AttentionProblem&, std::size_t most_kept) const noexcept {
  Pieces pieces(nullptr);
  pieces.take<float>(block_size(dim_));
  pieces.take<HashesOf>(simd::kKeyBlock);
  const std::size_t capacity = round_up(2 * most_kept + KeyChunks::kSize, 16);
  for (int i = 0; i < 6; ++i) pieces.take<float>(capacity);
  return pieces.used();
}

void Hashes::retrieve(const AttentionProblem& problem, const QueryRows& rows, std::size_t most_kept,
                      RetrievedRow* found, std::byte* scratch) const noexcept {
  static_assert(kRowsTogether <= simd::kKeyBlock);
  Pieces pieces(scratch);
  const std::size_t stride = simd::packed_stride(dim_), count = rows.last - rows.first;
  float* packed = pieces.take<float>(block_size(dim_));
  HashesOf* hashes = pieces.take<HashesOf>(simd::kKeyBlock);
  RowScratch s{};
  s.capacity = round_up(2 * most_kept + KeyChunks::kSize, 16);
  s.tables = rows.tables == 0 ? kTables : std::min(rows.tables, kTables);
  s.chunk = pieces.take<std::uint32_t>(s.capacity);
  s.scores = pieces.take<float>(s.capacity);
  s.best_scores = pieces.take<float>(s.capacity);
  s.best = pieces.take<std::uint32_t>(s.capacity);
  s.spare_scores = pieces.take<float>(s.capacity);
  s.spare = pieces.take<std::uint32_t>(s.capacity);
  for (std::size_t i = 0; i < count; ++i) std::copy_n(rows.scaled + i * dim_, dim_, packed + i * stride);
  hash(packed, count, packed + simd::kKeyBlock * stride, hashes);
  const MatrixView<const float> keys = problem.key_rows(rows.batch, rows.kv_head);
  for (std::size_t i = 0; i < count; ++i)
    retrieve_row(keys, rows.batch * kv_heads_ + rows.kv_head, problem.shape.visible(rows.first + i),
                 rows.scaled + i * dim_, hashes[i], found[i], s);
}

// The keys of a chunk that share a bucket and are among the first `visible`, ascending.
std::size_t Hashes::collect(std::size_t head, std::size_t chunk, const HashesOf& hashes, std::size_t tables,
                            std::size_t visible, std::uint32_t* found) const noexcept {
  const std::size_t unit = head * chunks_.each + chunk, first = chunk * KeyChunks::kSize;
  std::uint64_t words[kWords] = {};
  for (std::size_t table = 0; table < tables; ++table) {
    const std::uint16_t* start = starts(unit, table);
    const std::uint16_t* member = members(unit, table);
    for (std::size_t i = start[hashes[table]]; i < start[hashes[table] + 1u]; ++i)
      words[member[i] / 64] |= std::uint64_t{1} << member[i] % 64;
  }
  std::size_t count = 0;
  for (std::size_t w = 0; w < kWords; ++w)
    for (std::uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
      const std::size_t key = first + w * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      if (key >= visible) return count;
      found[count++] = static_cast<std::uint32_t>(key);
    }
  return count;
}

void Hashes::retrieve_row(const MatrixView<const float>& keys, std::size_t head, std::size_t visible,
                          const float* query, const HashesOf& hashes, RetrievedRow& row,
                          const RowScratch& s) const noexcept {
  row.count = row.wanted;
  row.rest = 0.0;
  if (row.wanted == 0) return;
  Candidates best{s.best_scores, s.best, 0, 0, s.spare_scores, s.spare};
  float threshold = -simd::kInfinity;
  bool spoiled = false;
  for (std::size_t chunk = 0; chunk * KeyChunks::kSize < visible; ++chunk) {
    const std::size_t count = collect(head, chunk, hashes, s.tables, visible, s.chunk);
    if (count == 0) continue;
    simd::kernel_gathered_scores(query, keys, s.chunk, count, s.scores);
    row.scored += count;
    for (std::size_t i = 0; i < count; ++i) {
      spoiled = spoiled || std::isnan(s.scores[i]);
      s.best_scores[best.count] = s.scores[i];
      s.best[best.count] = s.chunk[i];
      best.count += s.scores[i] > threshold ? 1 : 0;
    }
    best.first_run = best.count;
    if (best.count > 2 * row.wanted) threshold = cut_to_best(best, row.wanted, UINT32_MAX);
  }
  if (best.count > row.wanted) cut_to_best(best, row.wanted, UINT32_MAX);
  // The last visible keys make up for what is missing: merged from behind.
  std::size_t missing = row.wanted - best.count, from = best.count, key = visible;
  for (std::size_t to = row.wanted; to-- > 0;) {
    if (missing == 0 || (from != 0 && s.best[from - 1] + 1 == key)) {
      key = s.best[--from];
      row.indices[to] = static_cast<std::uint32_t>(key);
      row.scores[to] = s.best_scores[from];
    } else {
      --missing;
      row.indices[to] = static_cast<std::uint32_t>(--key);
      simd::kernel_gathered_scores(query, keys, row.indices + to, 1, s.scores);
      row.scores[to] = s.scores[0];
      spoiled = spoiled || std::isnan(s.scores[0]);
      ++row.scored;
    }
  }
  // Of the others nothing is known but that no score exceeds |x| |k|: retrieved_attention.cpp has the norms.
  row.rest = spoiled ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
}

}  // namespace heed
