// The retriever "pages": the least and the largest number of each column over 32 keys bound every score with them, and
// the pages are visited in order of falling bounds.
//
//   U(page) = sum_c max(x_c least_c, x_c largest_c) = <(x+, x-), (largest, least)>      x+, x- the two signs of x apart
//
// so the bounds of a panel of queries with all pages are scores with rows of 2 d columns, by the same tile. A row
// visits pages while their bound is at least the k-th best score so far (equal too, for ties go to the lower index):
// then the set is exact. With `enough` it may stop earlier, when
//
//   rest / (Z_H + rest) <= enough      rest = sum over unvisited pages of 32 e^U + sum over visited keys not kept of
//   e^s
//
// A page that the row sees in part is always visited, so that no bound counts on keys that the row does not see.
//
// Numerics (DERIVED): bounds and scores are chains of floats. With the norm of a page's box, |box| = the norm of the
// larger magnitude of each column, both are off by at most gamma_(2d+2) |x| |box|, which is added to the bound twice.
// Where a page holds numbers that are not finite its bound is infinite: it is visited.
//
// Cost: a sixteenth of the scores for the bounds, and four times the tile's time for every key visited: it wins when
// keys
//       come in clusters, and loses when most pages must be visited, as with Gaussian keys.
// Memory: 18 bytes a key at d = 64.
#pragma once

#include "base/buffer.hpp"
#include "retrieve/key_chunks.hpp"
#include "retrieve/retriever.hpp"

namespace heed {

class Pages {
 public:
  static constexpr bool kExact = true;  // where `enough` is 0
  static constexpr std::size_t kPageKeys = 32;

  [[nodiscard]] bool prepare(const AttentionProblem& problem) noexcept;
  std::size_t build_units() const noexcept { return chunks_.units(); }
  void build(const AttentionProblem& problem, std::size_t unit) noexcept;

  std::size_t scratch_bytes(const AttentionProblem& problem, std::size_t most_kept) const noexcept;
  void retrieve(const AttentionProblem& problem, const QueryRows& rows, std::size_t most_kept, RetrievedRow* found,
                std::byte* scratch) const noexcept;

 private:
  static_assert(KeyChunks::kSize % kPageKeys == 0);

  KeyChunks chunks_;
  std::size_t kv_heads_ = 0, dim_ = 0, pages_ = 0, stride_ = 0;
  Buffer<float> boxes_;  // (heads, pages, stride): largest, then least
  Buffer<float> norms_;  // (heads, pages): |box|, rounded up; infinite when a number is not finite
};

}  // namespace heed
