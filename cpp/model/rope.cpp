#include "model/rope.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/number_text.hpp"

namespace heed {
namespace {

Status at_fault(const char* name, double value, const char* legal) {
  return Status::fail(ErrorCode::kInvalidArgument,
                      std::string(name) + " is " + number_text(value) + "; it must be " + legal);
}

double wave_scale(double factor, double mscale) noexcept {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

// The pair that turns `turns` times within the original length.
double pair_of(const Rope& rope, double dim, double turns) noexcept {
  const double n = static_cast<double>(rope.original);
  return dim * std::log(n / (turns * 2.0 * std::numbers::pi)) / (2.0 * std::log(rope.theta));
}

double llama3(const Rope& rope, double theta) noexcept {
  const double n = static_cast<double>(rope.original), wave = 2.0 * std::numbers::pi / theta;
  if (wave < n / rope.high) return theta;
  if (wave > n / rope.low) return theta / rope.factor;
  const double s = (n / wave - rope.low) / (rope.high - rope.low);
  return (1.0 - s) * theta / rope.factor + s * theta;
}

}  // namespace

Status validate(const Rope& rope) {
  const auto finite_from = [](double x, double least) { return std::isfinite(x) && x >= least; };
  if (static_cast<int>(rope.kind) < 0 || rope.kind > RopeKind::kYarn)
    return at_fault("rope", static_cast<double>(static_cast<int>(rope.kind)), "from 0 to 4");
  if (!std::isfinite(rope.theta) || !(rope.theta > 1.0))
    return at_fault("ropeTheta", rope.theta, "a finite number above 1");
  if (!finite_from(rope.factor, 1.0)) return at_fault("ropeFactor", rope.factor, "a finite number from 1");
  if (rope.original == 0) return at_fault("ropeOriginal", 0.0, "at least 1");
  if (rope.kind == RopeKind::kLlama3) {
    if (!(rope.low > 0.0) || !std::isfinite(rope.low)) return at_fault("ropeLow", rope.low, "a finite number above 0");
    if (!(rope.high > rope.low) || !std::isfinite(rope.high))
      return at_fault("ropeHigh", rope.high, "a finite number above ropeLow");
  }
  if (rope.kind == RopeKind::kYarn) {
    if (!(rope.beta_slow > 0.0) || !std::isfinite(rope.beta_slow))
      return at_fault("ropeBetaSlow", rope.beta_slow, "a finite number above 0");
    if (!finite_from(rope.beta_fast, rope.beta_slow))
      return at_fault("ropeBetaFast", rope.beta_fast, "a finite number from ropeBetaSlow");
    if (!finite_from(rope.attention, 0.0)) return at_fault("ropeAttention", rope.attention, "a finite number from 0");
    if (!finite_from(rope.mscale, 0.0)) return at_fault("ropeMscale", rope.mscale, "a finite number from 0");
    if (!finite_from(rope.mscale_all, 0.0)) return at_fault("ropeMscaleAll", rope.mscale_all, "a finite number from 0");
  }
  return {};
}

void write_frequencies(const Rope& rope, std::size_t dim, std::size_t position, double* frequencies) noexcept {
  const std::size_t pairs = dim / 2;
  const auto d = static_cast<double>(dim);
  double base = rope.theta;
  if (rope.kind == RopeKind::kDynamic && dim > 2) {
    const double n = static_cast<double>(rope.original), length = std::max(n, static_cast<double>(position) + 1.0);
    base *= std::pow(rope.factor * length / n - (rope.factor - 1.0), d / (d - 2.0));
  }
  double ramp_from = 0.0, ramp_to = 0.0;
  if (rope.kind == RopeKind::kYarn) {
    ramp_from = pair_of(rope, d, rope.beta_fast);
    ramp_to = pair_of(rope, d, rope.beta_slow);
    if (rope.truncate) {
      ramp_from = std::floor(ramp_from);
      ramp_to = std::ceil(ramp_to);
    }
    ramp_from = std::max(ramp_from, 0.0);
    ramp_to = std::min(ramp_to, d - 1.0);
    if (ramp_from == ramp_to) ramp_to += 0.001;
  }
  for (std::size_t c = 0; c < pairs; ++c) {
    const double theta = std::pow(base, -2.0 * static_cast<double>(c) / d);
    switch (rope.kind) {
      case RopeKind::kDefault:
      case RopeKind::kDynamic:
        frequencies[c] = theta;
        break;
      case RopeKind::kLinear:
        frequencies[c] = theta / rope.factor;
        break;
      case RopeKind::kLlama3:
        frequencies[c] = llama3(rope, theta);
        break;
      case RopeKind::kYarn: {
        const double own = 1.0 - std::clamp((static_cast<double>(c) - ramp_from) / (ramp_to - ramp_from), 0.0, 1.0);
        frequencies[c] = theta / rope.factor * (1.0 - own) + theta * own;
        break;
      }
    }
  }
}

double rope_amplitude(const Rope& rope) noexcept {
  if (rope.kind != RopeKind::kYarn) return 1.0;
  if (rope.attention != 0.0) return rope.attention;
  if (rope.mscale != 0.0 && rope.mscale_all != 0.0)
    return wave_scale(rope.factor, rope.mscale) / wave_scale(rope.factor, rope.mscale_all);
  return wave_scale(rope.factor, 1.0);
}

}  // namespace heed
