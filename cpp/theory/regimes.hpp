// The ways in which a row of attention can be "collapsed", told apart: Theorem 5.1 and what hides behind it.
//
// STATED: for bounded weights the number of effective entries tends to 1 or O(1). DERIVED: that happens by different
// mechanisms. Logits N(0, sigma^2) with other tokens, mean `self` with the token itself, gamma = sigma / sqrt(2 ln n):
//
//   self-collapse   e^self > n e^{sigma^2 / 2}, that is n < n* = e^{self - sigma^2 / 2}: the token itself has most mass
//   dispersion      gamma < 1/2: mass on about n e^{-sigma^2} entries at least; all p_j = n^{-1 + o(1)} for fixed sigma
//   condensation    1/2 <= gamma < 1: mass on about n^{1 - gamma^2} entries, while sum p^2 is carried by the largest
//   few frozen          gamma >= 1: a bounded number of entries has all mass
//
// The last two are those of the random energy model (arXiv 2505.24333 makes the link; critical scale sqrt(2 ln n)). The
// border at 1/2 is where sum p^2 changes hands: sum e^{2 sigma z} condenses at 2 gamma = 1. It is a statement about one
// pair (n, sigma): with sigma fixed every row ends in dispersion as n grows.
//
//   entropy         ln n - sigma^2 / 2 (gamma < 1), 0 to leading order beyond
//   1 / sum p^2     n e^{-sigma^2} (gamma < 1/2), n^{2 (1 - gamma)^2} to leading order (up to 1), 1 beyond
#pragma once

namespace heed {

enum class Regime { kDispersion, kSelfCollapse, kCondensation, kFrozen };

/// Entropy and participation are those of the mass on other tokens.
struct RegimeOfRow {
  Regime regime;
  double gamma;          // sigma / sqrt(2 ln n)
  double crossover;      // n*, where the token itself and all others weigh the same
  double self_weight;    // e^self / (e^self + n e^{sigma^2 / 2}): the share of the token itself
  double mass_exponent;  // max(0, 1 - gamma^2): the mass sits on about n^this entries
  double entropy;        // in nats
  double participation;  // 1 / sum p^2
};

/// n >= 2, sigma >= 0. `self`: scale v tr(W) for a head, -inf where the token itself is not among the keys.
RegimeOfRow regime_of_row(double n, double sigma, double self) noexcept;

}  // namespace heed
