#include "simd/row_candidates.hpp"

#include <algorithm>
#include <bit>

#include "simd/exp.hpp"
#include "simd/madd.hpp"

namespace heed::simd {
namespace {

inline double total(F32 lanes) noexcept {
  alignas(64) float each[kLanes];
  store(each, lanes);
  double sum = 0.0;
  for (const float lane : each) sum += double{lane};
  return sum;
}

// visit(vector of scores, mask of the lanes that count) within blocks; `flush` after each.
template <class Visit, class Flush>
inline void each_vector(const float* scores, std::size_t count, Visit&& visit, Flush&& flush) noexcept {
  alignas(64) float rest[kLanes], lanes[kLanes];
  for (std::size_t i = 0; i < count;) {
    const std::size_t end = std::min(i + kKeyBlock, count);
    for (; i + kLanes <= end; i += kLanes) visit(load(scores + i));
    if (i < end) {
      // Lanes without a score are kept out of every sum by what they are taken for.
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        lanes[lane] = i + lane < end ? 1.0f : 0.0f;
        rest[lane] = i + lane < end ? scores[i + lane] : 0.0f;
      }
      visit.rest(F32::load_aligned(rest), F32::load_aligned(lanes) > zero());
      i = end;
    }
    flush();
  }
}

template <bool kAll>
struct Sums {
  const ExpConstants* k = exp_constants();
  F32 reference;
  F32 weight = zero(), x = zero(), x_squared = zero(), w_x = zero();

  void add(F32 shifted, F32 w) noexcept {
    weight = weight + w;
    if constexpr (kAll) {
      x = x + shifted;
      x_squared = madd(shifted, shifted, x_squared);
      w_x = madd(w, shifted, w_x);
    }
  }
  void operator()(F32 score) noexcept {
    const F32 shifted = score - reference;
    add(shifted, exp(shifted, k));
  }
  void rest(F32 score, xsimd::batch_bool<float> counts) noexcept {
    const F32 shifted = xsimd::select(counts, score - reference, zero());
    add(shifted, xsimd::select(counts, exp(shifted, k), zero()));
  }
  void flush(RowMoments& to) noexcept {
    to.weight += total(weight);
    weight = zero();
    if constexpr (kAll) {
      to.x += total(x);
      to.x_squared += total(x_squared);
      to.w_x += total(w_x);
      x = x_squared = w_x = zero();
    }
  }
};

template <bool kAll>
inline RowMoments sum_row(const float* scores, std::size_t count, float reference) noexcept {
  static_assert(kKeyBlock % kLanes == 0);
  RowMoments moments;
  Sums<kAll> sums{.reference = splat(reference)};
  each_vector(scores, count, sums, [&] { sums.flush(moments); });
  return moments;
}

}  // namespace

HEED_KERNEL std::size_t kernel_filter_row(const float* scores, std::size_t count, const float* thresholds, float* kept,
                                          std::uint32_t* indices) noexcept {
  constexpr std::size_t kStep = 4 * kLanes;
  static_assert(kScreenGroup % kStep == 0 && kStep <= 32);
  std::size_t found = 0, j = 0;
  for (; j + kStep <= count; j += kStep) {
    const float* at = scores + j;
    const F32 t = splat(thresholds[j / kScreenGroup]);
    const auto a = load(at) > t, b = load(at + kLanes) > t, c = load(at + 2 * kLanes) > t,
               d = load(at + 3 * kLanes) > t;
    if (bits((a | b) | (c | d)) == 0) continue;
    std::uint32_t mask = bits(a) | bits(b) << kLanes | bits(c) << 2 * kLanes | bits(d) << 3 * kLanes;
    do {
      const auto i = static_cast<std::size_t>(std::countr_zero(mask));
      mask &= mask - 1;
      kept[found] = at[i];
      indices[found++] = static_cast<std::uint32_t>(j + i);
    } while (mask != 0);
  }
  for (; j < count; ++j) {
    if (!(scores[j] > thresholds[j / kScreenGroup])) continue;
    kept[found] = scores[j];
    indices[found++] = static_cast<std::uint32_t>(j);
  }
  return found;
}

HEED_KERNEL RowMoments kernel_row_moments(const float* scores, std::size_t count, float reference) noexcept {
  return sum_row<true>(scores, count, reference);
}

HEED_KERNEL double kernel_row_weight(const float* scores, std::size_t count, float reference) noexcept {
  return sum_row<false>(scores, count, reference).weight;
}

}  // namespace heed::simd
