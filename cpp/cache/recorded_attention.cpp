#include "cache/recorded_attention.hpp"

#include <algorithm>

namespace heed {

RecordedAttention::RecordedAttention(const CacheShape& shape) noexcept : Companion(shape, 1) {
  set_head_bytes(page_tokens() * sizeof(double));
}

double* RecordedAttention::sums(std::size_t layer, std::size_t g, std::size_t token) noexcept {
  return reinterpret_cast<double*>(records(layer, token / kShadowTokens, g)) + token % kShadowTokens;
}

double RecordedAttention::sum(std::size_t layer, std::size_t g, std::size_t token) const noexcept {
  if (token >= length(layer)) return 0.0;
  return reinterpret_cast<const double*>(records(layer, token / kShadowTokens, g))[token % kShadowTokens];
}

bool RecordedAttention::add(std::size_t layer, const double* received, std::size_t tokens, TaskPool& pool) noexcept {
  const bool room = extend(layer, tokens, pool, [&](std::size_t page, std::size_t g, Range fresh, std::size_t) {
    double* const to = sums(layer, g, page * kShadowTokens);
    std::fill(to + fresh.begin, to + fresh.end, 0.0);
  });
  if (!room || !own(layer)) return false;
  for (std::size_t g = 0; g < heads(); ++g)
    for (std::size_t t = 0; t < tokens; ++t) *sums(layer, g, t) += received[g * tokens + t];
  return true;
}

// Tokens only move towards the first, so that none is read after it was written.
void RecordedAttention::keep_only(std::size_t layer, const std::uint32_t* tokens, std::size_t count) noexcept {
  const std::size_t kept = std::min(count, length(layer));
  for (std::size_t g = 0; g < heads(); ++g)
    for (std::size_t i = 0; i < kept; ++i) *sums(layer, g, i) = sum(layer, g, tokens[g * count + i]);
  rewind(layer, kept);
}

}  // namespace heed
