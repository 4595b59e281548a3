// What a monitor asks of a row of scores while it is weighed anyway, and of its weights afterwards.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

/// Sums over a row with x = s - reference and w = e^x, over the scores above -infinity. Floats are summed within
/// kKeyBlock numbers, their sums in double.
struct WeighedMoments {
  double weight = 0.0, x = 0.0, x_squared = 0.0, w_x = 0.0, w_x_squared = 0.0;
  double seen = 0.0;         // scores above -infinity
  float lowest = kInfinity;  // of their x
};

/// kernel_weigh_row() (row_values.hpp), the same bits, and the other sums along with it.
/// Cost: 9 operations a vector beside the 17 of an exponential.
WeighedMoments kernel_weigh_moments(float* x, std::size_t count, float reference) noexcept;

/// How many of the weights exceed each of two numbers, and what those weigh. `weights` ends in a whole vector.
struct MassAbove {
  std::size_t first = 0, second = 0;
  double first_mass = 0.0, second_mass = 0.0;
};
MassAbove kernel_mass_above(const float* weights, std::size_t count, float first, float second) noexcept;

}  // namespace heed::simd
