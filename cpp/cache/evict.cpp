#include "cache/evict.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/heap_sort.hpp"

namespace heed {
namespace {

Status no_room() {
  return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the votes; the cache is as it was");
}

class Election {
 public:
  Election(const KvCache& cache, const DecodeProblem& problem, const EvictOptions& options) noexcept
      : options_(options), scores_(cache, problem), shape_(scores_.shape()) {}

  [[nodiscard]] bool prepare() noexcept {
    const std::size_t n = shape_.keys;
    stride_ = round_up(n, kDecodeChunk);
    const CheckedSize rows = checked_product({shape_.kv_heads, scores_.most_rows(), stride_});
    const CheckedSize votes = checked_product({shape_.kv_heads, n});
    return rows.fits && votes.fits && scores_.prepare() && probabilities_.resize(rows.value) &&
           votes_.resize(votes.value) && pooled_.resize(n) && order_.resize(votes.value) && kept_.resize(votes.value);
  }

  // Adds the votes of a block of queries; with `lost` it says instead what the rows gave to tokens not kept.
  void count(Range queries, TaskPool& pool, bool lost) noexcept {
    scores_.start(queries);
    const std::size_t chunks = stride_ / kDecodeChunk;
    pool.run({0, shape_.kv_heads * chunks}, [&](std::size_t i, std::size_t) {
      const std::size_t g = i / chunks, first = i % chunks * kDecodeChunk;
      scores_.form(g, {first, std::min(first + kDecodeChunk, shape_.keys)}, row(g, 0) + first, stride_);
    });
    pool.run({0, shape_.kv_heads}, [&](std::size_t g, std::size_t) {
      for (std::size_t r = 0; r < scores_.rows(); ++r) lost ? report(g, r) : vote(g, r);
    });
  }

  // Votes before any query of the call was counted.
  void start(const RecordedAttention& recorded, std::size_t layer) noexcept {
    for (std::size_t g = 0; g < shape_.kv_heads; ++g)
      for (std::size_t j = 0; j < shape_.keys; ++j)
        votes_[g * shape_.keys + j] = options_.recorded ? recorded.sum(layer, g, j) : 0.0;
  }

  // Every head's tokens, the most wanted first, and how many each needs.
  std::size_t rank() noexcept {
    std::size_t most = 0;
    for (std::size_t g = 0; g < shape_.kv_heads; ++g) most = std::max(most, rank(g));
    return most;
  }

  // kept_: `count` tokens a head, ascending.
  const std::uint32_t* choose(std::size_t count) noexcept {
    count_ = count;
    for (std::size_t g = 0; g < shape_.kv_heads; ++g) {
      std::uint32_t* const to = kept_.data() + g * count;
      std::copy_n(order_.data() + g * shape_.keys, count, to);
      heap_sort(to, to + count, std::less<>());
    }
    return kept_.data();
  }

 private:
  float* row(std::size_t g, std::size_t r) noexcept {
    return probabilities_.data() + (g * scores_.most_rows() + r) * stride_;
  }

  // p of a row, in double from its scores; all 0 where it sees nothing, and where a score is not a number.
  template <class Visit>
  void each_probability(std::size_t g, std::size_t r, Visit&& visit) noexcept {
    const float* const s = row(g, r);
    float highest = -simd::kInfinity;
    for (std::size_t j = 0; j < shape_.keys; ++j) highest = std::max(highest, s[j]);
    double sum = 0.0;
    for (std::size_t j = 0; j < shape_.keys; ++j) sum += std::exp(double{s[j]} - double{highest});
    if (!(sum > 0.0) || !std::isfinite(sum)) return;
    for (std::size_t j = 0; j < shape_.keys; ++j) visit(j, std::exp(double{s[j]} - double{highest}) / sum);
  }

  void vote(std::size_t g, std::size_t r) noexcept {
    each_probability(g, r, [&](std::size_t j, double p) { votes_[g * shape_.keys + j] += p; });
  }

  void report(std::size_t g, std::size_t r) noexcept {
    double kept = 0.0, all = 0.0;
    const std::uint32_t* next = kept_.data() + g * count_;
    const std::uint32_t* const end = next + count_;
    each_probability(g, r, [&](std::size_t j, double p) {
      all += p;
      if (next == end || *next != j) return;
      ++next;
      kept += p;
    });
    const std::size_t place = scores_.query_of(r) * shape_.heads + scores_.head_of(g, r);
    options_.lost[place] = static_cast<float>(std::max(0.0, all - kept));
  }

  std::size_t rank(std::size_t g) noexcept {
    const std::size_t n = shape_.keys;
    const std::size_t sinks = std::min(options_.sinks, n), recent = std::min(options_.recent, n - sinks);
    const double* const votes = votes_.data() + g * n;
    const std::size_t reach = options_.width / 2;
    for (std::size_t j = 0; j < n; ++j)
      pooled_[j] = *std::max_element(votes + (j > reach ? j - reach : 0), votes + std::min(n, j + reach + 1));
    std::uint32_t* const order = order_.data() + g * n;
    std::iota(order, order + n, 0u);
    const auto forced = [&](std::uint32_t j) { return j < sinks || j >= n - recent; };
    heap_sort(order, order + n, [&](std::uint32_t a, std::uint32_t b) {
      if (forced(a) != forced(b)) return forced(a);
      return pooled_[a] != pooled_[b] ? pooled_[a] > pooled_[b] : a < b;
    });
    if (options_.policy == EvictPolicy::kRecent) return sinks + recent;
    if (options_.policy == EvictPolicy::kVotes) return std::min(n, std::max(options_.keep, sinks + recent));
    const double all = std::accumulate(votes, votes + n, 0.0);
    double kept = 0.0;
    std::size_t count = 0;
    while (count < n && (count < sinks + recent || kept < (1.0 - options_.loss) * all)) kept += votes[order[count++]];
    return count;
  }

  const EvictOptions& options_;
  DecodeScores scores_;
  AttentionShape shape_;
  std::size_t stride_ = 0, count_ = 0;
  Buffer<float> probabilities_;
  Buffer<double> votes_, pooled_;
  Buffer<std::uint32_t> order_, kept_;
};

}  // namespace

Status evict(KvCache& cache, const DecodeProblem& problem, const EvictOptions& options, TaskPool& pool) {
  if (Status status = validate(cache, problem); !status.ok()) return status;
  if (options.recorded && cache.recorded().length(problem.layer) == 0)
    return Status::fail(ErrorCode::kInvalidArgument, "no attention of layer " + std::to_string(problem.layer) +
                                                         " was recorded; attend or monitor with recordAttention: true");
  Election election(cache, problem, options);
  if (!election.prepare()) return no_room();
  election.start(cache.recorded(), problem.layer);
  const auto each_block = [&](bool lost) {
    for (std::size_t i = 0; i < problem.queries; i += kDecodeQueries)
      election.count({i, std::min(i + kDecodeQueries, problem.queries)}, pool, lost);
  };
  if (!options.recorded) each_block(false);
  const std::size_t count = election.rank();
  const std::uint32_t* const kept = election.choose(count);
  if (options.lost != nullptr) each_block(true);
  return cache.keep_only(problem.layer, kept, count);
}

}  // namespace heed
