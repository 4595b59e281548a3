// What one step of attention looks like, row by row: how sparse it is, and what that means for the options of a call.
//
//   lse        ln Z                         entropy    -sum p ln p = lse - sum p s
//   effective  entries with p > epsilon     seen       entries with p > 2^-25, half a unit in the last place of a float
//                                                      sum near 1: what a plain float accumulator can tell from nothing
//   sink       mass of the first tokens     self       mass of the newest visible token
//   sigma      standard deviation of s      largest    the largest p
//   k          entries that are known to leave out at most `mass`: few more than the fewest where scores are spread
//   like
//              Gaussian ones, by Cantelli's inequality never more than all above mean - sd sqrt(1 / mass - 1)
//   exponent   1 - sigma^2 / (2 ln n), from 0 to 1: the C with which alpha n^C keeps the mass if scores are Gaussian
//
// `exponent` is DERIVED (theory/README.md, condensation): the mass of Gaussian scores lies on about n^(1 - gamma^2)
// entries, sigma = gamma sqrt(2 ln n). `k` too: with mean and sd those of s under p, the entries above mean - z sd have
// the mass Phi(z) for Gaussian scores, which are Gaussian under p as well; it is counted what they have in the row.
//
// Everything but the counts comes from sums that the decoding forms along with its weights, a few operations each.
// Counting looks at the weights once or twice more; nothing is counted where the largest or the least entry says it
// all.
#pragma once

#include "cache/weighed_row.hpp"

namespace heed {

struct MonitorOptions {
  double epsilon = 0.01;
  double mass = 0.05;
  std::size_t sinks = 4;
  double* out = nullptr;       // (queries, heads, kMonitored); null when nothing is monitored
  double* received = nullptr;  // (kv_heads, tokens) or null: what each token gets of all rows' attention together
};

/// Numbers a row, in the order of `rawMonitored` in web/src/runtime/raw.ts.
inline constexpr std::size_t kMonitored = 10;

/// Writes kMonitored numbers: zeros for a row that sees nothing, NaN for one that is spoiled.
void monitor_row(const WeighedRow& row, const MonitorOptions& options, double* out) noexcept;

}  // namespace heed
