// Rotary position embedding and R. DERIVED; the paper leaves positions to future work.
//
// A key m tokens away is turned by m theta_f in each pair f of dimensions, theta_f = base^{-2 f / h}: the logit is that
// of W_m = sum_f W_Q^f Rot(m theta_f) W_K^f^T, with column pairs W^f (d, 2). Over offsets m whose phases are spread
// evenly the cross terms vanish, and
//
//   mean ||W_m||_F^2 = 1/2 sum_f ||W_Q^f||_F^2 ||W_K^f||_F^2
//
// takes the place of ||W||_F^2. Pairs that do not come around within n tokens stay near their value at m = 0; for
// finite n the mean is therefore formed exactly. ||W_m||_F^2 = <G_Q, Rot_m G_K Rot_m^T>, and in the block (f, g) a
// matrix [a b; c d] is a part u = (a + d + i (c - b)) / 2 that turns by m (theta_f - theta_g) and a part w = (a - d + i
// (c + b)) / 2 that turns by m (theta_f + theta_g). The mean of e^{i m x} over m < n is e^{i (n - 1) x / 2} sin(n x /
// 2) / (n sin(x / 2)).
//
// All from the sums of theory/gram.hpp; cost h^2. Without positions W_m = W for every m.
#pragma once

#include <cstddef>

namespace heed {

/// Which dimensions turn together: f and f + h / 2 (Hugging Face's Llama), or 2 f and 2 f + 1 (the original order).
enum class RotaryPairs { kHalves, kNeighbors };

/// Mean of ||W_m||_F^2 over the offsets 0 .. length - 1; `length` infinite: the limit above. `query`, `key` (h, h) are
/// G_Q and G_K, h even, base > 1.
double rope_averaged_squared(const double* query, const double* key, std::size_t h, RotaryPairs pairs, double base,
                             double length) noexcept;

/// ||W_m||_F^2 at one offset.
double rope_squared_at(const double* query, const double* key, std::size_t h, RotaryPairs pairs, double base,
                       double offset) noexcept;

}  // namespace heed
