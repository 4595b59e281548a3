// alpha and C of k = alpha n^C from observed needs, three ways, and how well they carry to longer texts.
//
// An observation is a length n and the k that a row of that length needs, for instance for a dropped mass of 5 %.
//
//   theory   no observed k: the least-squares line through n Phi_c(sigma_n + Phi^{-1}(dropped)) of Gaussian logits
//   fit      least squares of ln k on ln n
//   grid     over C = 0, 0.01, ..., 1 with the alpha whose worst ratio to a need is least: alpha is the geometric
//            middle of the largest and the smallest k / n^C
//
// DERIVED. What none of them can know is whether the need goes on growing as it did: keep the longest lengths aside and
// look at `held_out`.
#pragma once

#include <cstddef>

namespace heed {

struct FittedLaw {
  double alpha;
  double exponent;        // C, within [0, 1]
  double standard_error;  // of C, by least squares; NaN for fewer than three lengths and for the grid
};

/// `lengths` and `entries` (count), all positive. Equal lengths give C = 0: a fixed k.
FittedLaw fit_law(const double* lengths, const double* entries, std::size_t count) noexcept;
FittedLaw grid_law(const double* lengths, const double* entries, std::size_t count) noexcept;

/// `sigma` (count): of the logits at each length. 0 < dropped < 1.
FittedLaw theory_law(const double* lengths, const double* sigma, std::size_t count, double dropped) noexcept;

/// How a law meets needs, before rounding.
struct LawError {
  double worst;    // largest |alpha n^C / k - 1|
  double overrun;  // sum alpha n^C / sum k - 1: what it computes too much
};

LawError law_error(const FittedLaw& law, const double* lengths, const double* entries, std::size_t count) noexcept;

}  // namespace heed
