// The JavaScript face of theory/: each formula takes numbers in the order of `Formulas` in web/src/theory.ts and
// returns a number or an object whose fields have the names of its result there. Lists are an address and a count.
#include <algorithm>
#include <cmath>
#include <functional>

#include "bindings/runtime.hpp"
#include "theory/calibration.hpp"
#include "theory/certificates.hpp"
#include "theory/concentration.hpp"
#include "theory/effective_entries.hpp"
#include "theory/equal_cost.hpp"
#include "theory/gaussian.hpp"
#include "theory/necessity.hpp"
#include "theory/policies.hpp"
#include "theory/radius.hpp"
#include "theory/regimes.hpp"
#include "theory/row_error.hpp"
#include "theory/sufficiency.hpp"

namespace heed::bindings {
namespace {

struct JsEffectiveEntries {
  double entries, ineffective_share, limit;
};

JsEffectiveEntries effective_entries(double n, double epsilon, double sigma) {
  return {gaussian_effective_entries(n, epsilon, sigma), gaussian_ineffective_share(n, epsilon, sigma),
          effective_limit(n, epsilon)};
}

struct JsTopKError {
  double dropped, row_error;
};

JsTopKError gaussian_top_k(double n, double k, double sigma) {
  return {gaussian_dropped_mass(n, k, sigma), gaussian_row_error(n, k, sigma)};
}

double keep_for_mass(double n, double sigma, double mass) {
  const double k = std::ceil(n * gaussian_keep_share(1.0 - mass, sigma) - 1e-9);
  return std::clamp(k, std::min(1.0, n), n);
}

struct JsLogitBound {
  double factor, bound, radius_form;
  bool concentrates;
};

JsLogitBound logit_bound(double n, double delta, double radius, double rigorous_radius, double stable_rank) {
  const double factor = concentration_factor(n, delta);
  return {factor, factor * rigorous_radius, factor * radius, concentrates_at_radius(n, delta, stable_rank)};
}

struct JsRegime {
  std::string regime;
  double gamma, crossover, self_weight, mass_exponent, entropy, participation;
};

JsRegime regime(double n, double sigma, double self_score) {
  static constexpr const char* kNames[] = {"dispersion", "self-collapse", "condensation", "frozen"};
  const RegimeOfRow row = regime_of_row(n, sigma, self_score);
  return {kNames[static_cast<int>(row.regime)],
          row.gamma,
          row.crossover,
          row.self_weight,
          row.mass_exponent,
          row.entropy,
          row.participation};
}

struct JsSufficiency {
  double entries, rate, row_error_at_most, dropped_at_least;
  bool vanishes;
};

JsSufficiency sufficiency(double n, double exponent, double spread) {
  const double entries = std::pow(n, exponent), rate = row_error_rate(exponent, spread / std::log(n));
  return {entries, rate, row_error_limit(entries, spread), dropped_at_least(n, entries, spread), rate > 0.0};
}

struct JsNecessity {
  double dropped_at_least, row_error_at_least, matrix_norm_at_most;
};

JsNecessity necessity(double n, double k, double spread) {
  const double dropped = dropped_at_least(n, k, spread);
  return {dropped, row_error_at_least(dropped, k), matrix_norm_limit(n)};
}

Alignment align_cost_js(Address lengths, std::uint32_t count, double k, double exponent, int cost, std::uint32_t min,
                        std::uint32_t max) {
  return align_cost(at<const std::uint32_t>(lengths), count, static_cast<Cost>(cost), k, exponent, min, max);
}

struct JsWinners {
  std::string mean_row_error, worst_row_error, mean_dropped, worst_dropped;
};

struct JsEqualCost {
  double alpha;
  bool row_error_valid;
  PolicyError fixed, window;
  JsWinners winner;
};

JsEqualCost equal_cost(Address lengths, std::uint32_t count, Address sigma, std::uint32_t, double k, double exponent,
                       int cost) {
  const EqualCost result = compare_at_equal_cost(at<const std::uint32_t>(lengths), at<const double>(sigma), count,
                                                 static_cast<Cost>(cost), k, exponent);
  const auto who = [&](double PolicyError::* column) {
    static constexpr const char* kNames[] = {"tie", "fixed", "window"};
    return kNames[static_cast<int>(winner(result.fixed.*column, result.window.*column))];
  };
  return {result.alpha,
          result.row_error_valid,
          result.fixed,
          result.window,
          {who(&PolicyError::mean_row_error), who(&PolicyError::worst_row_error), who(&PolicyError::mean_dropped),
           who(&PolicyError::worst_dropped)}};
}

struct JsPolicies {
  DroppedMass fixed, threshold, top_p;
};

JsPolicies policies(double n, double k, Address sigma, std::uint32_t rows) {
  const auto policy = [&](Policy which) { return gaussian_policy(at<const double>(sigma), rows, n, k, which); };
  return {policy(Policy::kFixed), policy(Policy::kGlobalThreshold), policy(Policy::kTopP)};
}

struct JsCalibration {
  double alpha, exponent, standard_error;
  LawError fitted, held_out;
};

JsCalibration calibrate(Address lengths, std::uint32_t count, Address entries, std::uint32_t, int method,
                        std::uint32_t hold_out, double mass, Address sigma, std::uint32_t) {
  const auto* const n = at<const double>(lengths);
  const auto* const k = at<const double>(entries);
  const std::uint32_t used = count - hold_out;
  const FittedLaw law = method == 0   ? fit_law(n, k, used)
                        : method == 1 ? grid_law(n, k, used)
                                      : theory_law(n, at<const double>(sigma), used, 1.0 - mass);
  return {law.alpha, law.exponent, law.standard_error, law_error(law, n, k, used),
          law_error(law, n + used, k + used, hold_out)};
}

/// Sorts the scores where they lie: they are a copy made for this call.
RowError certificates(Address scores, std::uint32_t count, std::uint32_t k) {
  auto* const sorted = at<double>(scores);
  std::sort(sorted, sorted + count, std::greater<>());
  return row_error(sorted, count, std::min(k, count));
}

double logit_error(double error) { return score_error_bound(error); }

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
  value_object<JsEffectiveEntries>("EffectiveEntries")
      .field("entries", &JsEffectiveEntries::entries)
      .field("ineffectiveShare", &JsEffectiveEntries::ineffective_share)
      .field("limit", &JsEffectiveEntries::limit);
  value_object<JsTopKError>("GaussianTopK")
      .field("dropped", &JsTopKError::dropped)
      .field("rowError", &JsTopKError::row_error);
  value_object<JsLogitBound>("LogitBound")
      .field("factor", &JsLogitBound::factor)
      .field("bound", &JsLogitBound::bound)
      .field("radiusForm", &JsLogitBound::radius_form)
      .field("concentrates", &JsLogitBound::concentrates);
  value_object<JsRegime>("Regime")
      .field("regime", &JsRegime::regime)
      .field("gamma", &JsRegime::gamma)
      .field("crossover", &JsRegime::crossover)
      .field("selfWeight", &JsRegime::self_weight)
      .field("massExponent", &JsRegime::mass_exponent)
      .field("entropy", &JsRegime::entropy)
      .field("participation", &JsRegime::participation);
  value_object<JsSufficiency>("Sufficiency")
      .field("entries", &JsSufficiency::entries)
      .field("rate", &JsSufficiency::rate)
      .field("vanishes", &JsSufficiency::vanishes)
      .field("rowErrorAtMost", &JsSufficiency::row_error_at_most)
      .field("droppedAtLeast", &JsSufficiency::dropped_at_least);
  value_object<JsNecessity>("Necessity")
      .field("droppedAtLeast", &JsNecessity::dropped_at_least)
      .field("rowErrorAtLeast", &JsNecessity::row_error_at_least)
      .field("matrixNormAtMost", &JsNecessity::matrix_norm_at_most);
  value_object<Alignment>("Alignment")
      .field("alpha", &Alignment::alpha)
      .field("unrounded", &Alignment::unrounded)
      .field("cost", &Alignment::cost)
      .field("target", &Alignment::target);
  value_object<PolicyError>("PolicyError")
      .field("meanRowError", &PolicyError::mean_row_error)
      .field("worstRowError", &PolicyError::worst_row_error)
      .field("meanDropped", &PolicyError::mean_dropped)
      .field("worstDropped", &PolicyError::worst_dropped);
  value_object<JsWinners>("Winners")
      .field("meanRowError", &JsWinners::mean_row_error)
      .field("worstRowError", &JsWinners::worst_row_error)
      .field("meanDropped", &JsWinners::mean_dropped)
      .field("worstDropped", &JsWinners::worst_dropped);
  value_object<JsEqualCost>("EqualCost")
      .field("alpha", &JsEqualCost::alpha)
      .field("rowErrorValid", &JsEqualCost::row_error_valid)
      .field("fixed", &JsEqualCost::fixed)
      .field("window", &JsEqualCost::window)
      .field("winner", &JsEqualCost::winner);
  value_object<DroppedMass>("DroppedMass")
      .field("mean", &DroppedMass::mean)
      .field("worst", &DroppedMass::worst)
      .field("level", &DroppedMass::level);
  value_object<JsPolicies>("Policies")
      .field("fixed", &JsPolicies::fixed)
      .field("threshold", &JsPolicies::threshold)
      .field("topP", &JsPolicies::top_p);
  value_object<LawError>("LawError").field("worst", &LawError::worst).field("overrun", &LawError::overrun);
  value_object<JsCalibration>("Calibration")
      .field("alpha", &JsCalibration::alpha)
      .field("exponent", &JsCalibration::exponent)
      .field("standardError", &JsCalibration::standard_error)
      .field("fitted", &JsCalibration::fitted)
      .field("heldOut", &JsCalibration::held_out);
  value_object<Interval>("Interval").field("lower", &Interval::lower).field("upper", &Interval::upper);
  value_object<RowError>("RowError")
      .field("dropped", &RowError::dropped)
      .field("l1", &RowError::l1)
      .field("l2", &RowError::l2)
      .field("lInfinity", &RowError::l_infinity)
      .field("divergence", &RowError::divergence)
      .field("chiSquared", &RowError::chi_squared)
      .field("entropy", &RowError::entropy)
      .field("participation", &RowError::participation)
      .field("singleGap", &RowError::single_gap)
      .field("headAware", &RowError::head_aware)
      .field("l2Bounds", &RowError::l2_bounds);
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
  function("logitError", &logit_error);
}

}  // namespace heed::bindings
