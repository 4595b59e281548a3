// Rotary positions: dimensions c and c + d/2 of a query or key at position p turn by the angle p * theta_c,
//
//   theta_c = base^(-2 c / d)      c = 0 .. d/2 - 1
//
// and how checkpoints stretch them beyond the length that they were trained on. With x = 2 pi / theta_c, the wavelength
// of a pair in tokens, and n the original length:
//
//   linear    theta / factor
//   dynamic   base * (factor * l / n - factor + 1)^(d / (d - 2)) instead of base, l = max(n, p + 1)
//   llama3    theta where x < n / high, theta / factor where x > n / low, and between the two
//             (1 - s) theta / factor + s theta, s = (n / x - low) / (high - low)
//   yarn      theta / factor * (1 - e_c) + theta * e_c, e_c = 1 - ramp(c), where ramp rises from 0 to 1 between the
//   pairs
//             that turn beta_fast and beta_slow times in n tokens; cosines and sines are multiplied by attention_factor
//
// as transformers' modeling_rope_utils has them, with one difference: there, dynamic takes l from the longest position
// of a call, so that results depend on how a text is cut into calls. Here l is each token's own, what transformers
// gives token by token.
//
// Numerics: angles in double, so that they are right to a float's last bit at any position.
#pragma once

#include <cstddef>

#include "base/status.hpp"

namespace heed {

/// The order is the order of `rawRopeKinds` in web/src/runtime/raw.ts.
enum class RopeKind { kDefault, kLinear, kDynamic, kLlama3, kYarn };

struct Rope {
  RopeKind kind = RopeKind::kDefault;
  double theta = 10000.0;       // the base
  double factor = 1.0;          // how much longer
  std::size_t original = 2048;  // n
  double low = 1.0;             // llama3
  double high = 4.0;            // llama3
  double beta_fast = 32.0;      // yarn
  double beta_slow = 1.0;       // yarn
  double attention = 0.0;       // yarn's factor; 0: from the next two, or 0.1 ln(factor) + 1
  double mscale = 0.0;          // yarn; 0: none
  double mscale_all = 0.0;      // yarn; 0: none
  bool truncate = true;         // yarn: the ramp begins and ends at whole pairs
};

Status validate(const Rope& rope);

/// theta_c for c < dim / 2 of a token at `position`. Only kDynamic depends on the position.
void write_frequencies(const Rope& rope, std::size_t dim, std::size_t position, double* frequencies) noexcept;

/// What cosines and sines are multiplied by.
double rope_amplitude(const Rope& rope) noexcept;

}  // namespace heed
