// The JavaScript face of theory/: each formula takes numbers in the order of `Formulas` in web/src/theory.ts and
// returns a number or an object whose fields have the names of its result there. Lists are an address and a count.
#include <algorithm>
#include <cmath>
#include <functional>

#include "base/heap_sort.hpp"
#include "bindings/runtime.hpp"
#include "theory/calibration.hpp"
#include "theory/certificates.hpp"
#include "theory/concentration.hpp"
#include "theory/effective_entries.hpp"
#include "theory/equal_cost.hpp"
#include "theory/gaussian.hpp"
#include "theory/necessity.hpp"
#include "theory/number_format.hpp"
#include "theory/policies.hpp"
#include "theory/radius.hpp"
#include "theory/regimes.hpp"
#include "theory/row_error.hpp"
#include "theory/sufficiency.hpp"

namespace heed::bindings {
namespace {

/// Results are doubles in the order of `columns` in web/src/operations/theory.ts, written to an address.
template <class Result>
void write(Address out, const Result& result) noexcept {
  *at<Result>(out) = result;
}

struct EffectiveEntries {
  double entries, ineffective_share, limit;
};

void effective_entries(double n, double epsilon, double sigma, Address out) {
  write(out, EffectiveEntries{gaussian_effective_entries(n, epsilon, sigma),
                              gaussian_ineffective_share(n, epsilon, sigma), effective_limit(n, epsilon)});
}

struct TopKError {
  double dropped, row_error;
};

void gaussian_top_k(double n, double k, double sigma, Address out) {
  write(out, TopKError{gaussian_dropped_mass(n, k, sigma), gaussian_row_error(n, k, sigma)});
}

double keep_for_mass(double n, double sigma, double mass) {
  const double k = std::ceil(n * gaussian_keep_share(1.0 - mass, sigma) - 1e-9);
  return std::clamp(k, std::min(1.0, n), n);
}

struct LogitBound {
  double factor, bound, radius_form, concentrates;
};

void logit_bound(double n, double delta, double radius, double rigorous_radius, double stable_rank, Address out) {
  const double factor = concentration_factor(n, delta);
  write(out, LogitBound{factor, factor * rigorous_radius, factor * radius,
                        static_cast<double>(concentrates_at_radius(n, delta, stable_rank))});
}

struct RegimeColumns {
  double regime, gamma, crossover, self_weight, mass_exponent, entropy, participation;
};

void regime(double n, double sigma, double self_score, Address out) {
  const RegimeOfRow row = regime_of_row(n, sigma, self_score);
  write(out, RegimeColumns{static_cast<double>(row.regime), row.gamma, row.crossover, row.self_weight,
                           row.mass_exponent, row.entropy, row.participation});
}

struct Sufficiency {
  double entries, rate, vanishes, row_error_at_most, dropped_at_least;
};

void sufficiency(double n, double exponent, double spread, Address out) {
  const double entries = std::pow(n, exponent), rate = row_error_rate(exponent, spread / std::log(n));
  write(out, Sufficiency{entries, rate, static_cast<double>(rate > 0.0), row_error_limit(entries, spread),
                         dropped_at_least(n, entries, spread)});
}

struct Necessity {
  double dropped_at_least, row_error_at_least, matrix_norm_at_most;
};

void necessity(double n, double k, double spread, Address out) {
  const double dropped = dropped_at_least(n, k, spread);
  write(out, Necessity{dropped, row_error_at_least(dropped, k), matrix_norm_limit(n)});
}

void align_cost_js(Address lengths, std::uint32_t count, double k, double exponent, int cost, std::uint32_t min,
                   std::uint32_t max, Address out) {
  write(out, align_cost(at<const std::uint32_t>(lengths), count, static_cast<Cost>(cost), k, exponent, min, max));
}

struct EqualCostColumns {
  double alpha, row_error_valid;
  PolicyError fixed, window, winner;
};

void equal_cost(Address lengths, std::uint32_t count, Address sigma, std::uint32_t, double k, double exponent, int cost,
                Address out) {
  const EqualCost result = compare_at_equal_cost(at<const std::uint32_t>(lengths), at<const double>(sigma), count,
                                                 static_cast<Cost>(cost), k, exponent);
  const auto who = [&](double PolicyError::* column) {
    return static_cast<double>(winner(result.fixed.*column, result.window.*column));
  };
  write(out, EqualCostColumns{result.alpha,
                              static_cast<double>(result.row_error_valid),
                              result.fixed,
                              result.window,
                              {who(&PolicyError::mean_row_error), who(&PolicyError::worst_row_error),
                               who(&PolicyError::mean_dropped), who(&PolicyError::worst_dropped)}});
}

double rounded(double x, int format) noexcept { return Rounding(static_cast<NumberFormat>(format))(x); }

struct Policies {
  DroppedMass fixed, threshold, top_p;
};

void policies(double n, double k, Address sigma, std::uint32_t rows, Address out) {
  const auto policy = [&](Policy which) { return gaussian_policy(at<const double>(sigma), rows, n, k, which); };
  write(out, Policies{policy(Policy::kFixed), policy(Policy::kGlobalThreshold), policy(Policy::kTopP)});
}

struct Calibration {
  FittedLaw law;
  LawError fitted, held_out;
};

void calibrate(Address lengths, std::uint32_t count, Address entries, std::uint32_t, int method, std::uint32_t hold_out,
               double mass, Address sigma, std::uint32_t, Address out) {
  const auto* const n = at<const double>(lengths);
  const auto* const k = at<const double>(entries);
  const std::uint32_t used = count - hold_out;
  const FittedLaw law = method == 0   ? fit_law(n, k, used)
                        : method == 1 ? grid_law(n, k, used)
                                      : theory_law(n, at<const double>(sigma), used, 1.0 - mass);
  write(out, Calibration{law, law_error(law, n, k, used), law_error(law, n + used, k + used, hold_out)});
}

/// Sorts the scores where they lie: they are a copy made for this call.
void certificates(Address scores, std::uint32_t count, std::uint32_t k, Address out) {
  auto* const sorted = at<double>(scores);
  heap_sort(sorted, sorted + count, std::greater<>());
  write(out, row_error(sorted, count, std::min(k, count)));
}

/// Field for field `RawRadiusOptions` in web/src/runtime/raw.ts.
struct JsRadiusOptions {
  Address query_weights, key_weights;
  std::uint32_t head_dim, width;
  Address inputs;
  std::uint32_t tokens;
  double scale, bound, mean_square;
  int pairs;
  double base, length;
  Address result;
};

/// HeadRadius runs on the calling thread and needs no pool.
struct RadiusWork : HeadRadius {
  RadiusWork(const RadiusOptions& options, TaskPool&) : HeadRadius(options) {}
};

Job<RadiusWork>* make_radius(const JsRadiusOptions& js) {
  return new Job<RadiusWork>(RadiusOptions{at<const float>(js.query_weights), at<const float>(js.key_weights),
                                           js.head_dim, js.width, at<const float>(js.inputs), js.tokens, js.scale,
                                           js.bound, js.mean_square, static_cast<RotaryPairs>(js.pairs), js.base,
                                           js.length, at<Radius>(js.result)});
}

}  // namespace

EMSCRIPTEN_BINDINGS(theory) {
  using namespace emscripten;
  value_object<JsRadiusOptions>("RadiusOptions")
      .field("queryWeights", &JsRadiusOptions::query_weights)
      .field("keyWeights", &JsRadiusOptions::key_weights)
      .field("headDim", &JsRadiusOptions::head_dim)
      .field("width", &JsRadiusOptions::width)
      .field("inputs", &JsRadiusOptions::inputs)
      .field("tokens", &JsRadiusOptions::tokens)
      .field("scale", &JsRadiusOptions::scale)
      .field("bound", &JsRadiusOptions::bound)
      .field("meanSquare", &JsRadiusOptions::mean_square)
      .field("pairs", &JsRadiusOptions::pairs)
      .field("base", &JsRadiusOptions::base)
      .field("length", &JsRadiusOptions::length)
      .field("result", &JsRadiusOptions::result);

  bind_job("RadiusJob", &make_radius);
  function("effectiveEntries", &effective_entries);
  function("gaussianIneffectiveShare", &gaussian_ineffective_share);
  function("gaussianTopK", &gaussian_top_k);
  function("keepForMass", &keep_for_mass);
  function("logitBound", &logit_bound);
  function("regime", &regime);
  function("sufficiency", &sufficiency);
  function("necessity", &necessity);
  function("alignCost", &align_cost_js);
  function("equalCost", &equal_cost);
  function("policies", &policies);
  function("calibrate", &calibrate);
  function("certificates", &certificates);
  function("singleGap", &single_gap_bound);
  function("headAware", &head_aware_bound);
  function("logitError", &score_error_bound);
  function("rounded", &rounded);
}

}  // namespace heed::bindings
