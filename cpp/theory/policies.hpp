// How to spend a budget of kept entries over many rows: the same k everywhere, or where it does most good.
//
// DERIVED, both by exchange, for any rows (any lengths, heads, distributions) and unit cost per kept entry:
//
// - The least total (so the least mean) dropped mass: one global threshold, keep every p >= lambda. An entry that is
// kept
//   although a larger one is dropped elsewhere could be exchanged for it. These are the paper's effective entries, with
//   one epsilon for all rows.
// - The least worst dropped mass: the smallest sets with tau <= delta in every row, known as top-p.
//
// If lengths count equally but each costs its n rows (prefill), the threshold becomes lambda n.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heed {

enum class Policy { kFixed, kGlobalThreshold, kTopP };

/// Spends `budget` entries over rows of probabilities `p` (rows, n), each sorted, largest first, n > 0. Writes how many
/// each row keeps and what it drops. The policies hand out one entry after the other, to the row whose next entry is
/// largest, or whose dropped mass is; ties go to the lower row. O(budget rows).
void share_budget(const double* p, std::size_t rows, std::size_t n, std::size_t budget, Policy policy,
                  std::uint32_t* kept, double* dropped) noexcept;

/// What a policy leaves.
struct DroppedMass {
  double mean, worst;
  double level;  // k, lambda or delta
};

/// The same for Gaussian rows in closed form (theory/gaussian.hpp): `rows` rows of n entries with the standard
/// deviations `sigma`, k entries a row on average, 0 < k <= n.
DroppedMass gaussian_policy(const double* sigma, std::size_t rows, double n, double k, Policy policy) noexcept;

}  // namespace heed
