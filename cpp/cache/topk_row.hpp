// What top-k decoding knows of a row, and where it works: shared by decode_topk.cpp and decode_screened.cpp.
#pragma once

#include "cache/decode_topk.hpp"

namespace heed {

inline constexpr double kUnitRoundoff = 0x1p-24;

// Of a chunk of a row: the sums of simd::RowMoments relative to the chunk's largest score.
struct CacheTopK::Sums {
  float reference;
  simd::RowMoments moments;
};

// A row, and the sums over all that it sees.
struct CacheTopK::Row {
  std::size_t g, r, place;  // place: among (queries, heads)
  std::size_t visible, wanted;
  const float* scores;         // formed ones
  double root;                 // that the packed query is multiplied by
  double query_norm = 0.0;     // of the scaled query
  double rounding_norm = 0.0;  // of what rounding it to whole numbers takes away
  double reference = 0.0;
  simd::RowMoments all = {};
  double band = 0.0;  // largest distance of a formed score from the cache's
};

struct CacheTopK::Scratch {
  float *kept, *bands, *thresholds, *sample, *weights, *formed;
  std::uint32_t *indices, *sample_indices;
  const float** rows;  // kept values,
  float* values;       // where they must be made floats first
  double *sums, *products;
  float* scored;
  float* row;  // one value
};

}  // namespace heed
