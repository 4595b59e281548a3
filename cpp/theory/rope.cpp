#include "theory/rope.hpp"

#include <cmath>

namespace heed {
namespace {

struct Complex {
  double re, im;
};

/// The two turning parts of a 2 x 2 block.
struct Parts {
  Complex u, w;
};

struct Rotary {
  std::size_t h;
  RotaryPairs pairs;
  double base;

  std::size_t first(std::size_t f) const noexcept { return pairs == RotaryPairs::kHalves ? f : 2 * f; }
  std::size_t second(std::size_t f) const noexcept { return pairs == RotaryPairs::kHalves ? f + h / 2 : 2 * f + 1; }
  double frequency(std::size_t f) const noexcept {
    return std::pow(base, -2.0 * static_cast<double>(f) / static_cast<double>(h));
  }
  Parts parts(const double* gram, std::size_t f, std::size_t g) const noexcept {
    const double* const upper = gram + first(f) * h;
    const double* const lower = gram + second(f) * h;
    const double a = upper[first(g)], b = upper[second(g)], c = lower[first(g)], d = lower[second(g)];
    return {{0.5 * (a + d), 0.5 * (c - b)}, {0.5 * (a - d), 0.5 * (c + b)}};
  }
};

/// 2 Re(conj(q) k phase).
double turned(Complex q, Complex k, Complex phase) noexcept {
  const double re = q.re * k.re + q.im * k.im, im = q.re * k.im - q.im * k.re;
  return 2.0 * (re * phase.re - im * phase.im);
}

/// <G_Q, Rot G_K Rot^T>, `phase(x)` in place of e^{i m x}.
template <class Phase>
double turned_product(const double* query, const double* key, const Rotary& rotary, Phase&& phase) noexcept {
  double sum = 0.0;
  for (std::size_t f = 0; f < rotary.h / 2; ++f) {
    for (std::size_t g = 0; g < rotary.h / 2; ++g) {
      const Parts q = rotary.parts(query, f, g), k = rotary.parts(key, f, g);
      const double x = rotary.frequency(f), y = rotary.frequency(g);
      sum += turned(q.u, k.u, phase(f == g ? 0.0 : x - y)) + turned(q.w, k.w, phase(x + y));
    }
  }
  return sum;
}

}  // namespace

double rope_squared_at(const double* query, const double* key, std::size_t h, RotaryPairs pairs, double base,
                       double offset) noexcept {
  return turned_product(query, key, {h, pairs, base},
                        [&](double x) { return Complex{std::cos(offset * x), std::sin(offset * x)}; });
}

double rope_averaged_squared(const double* query, const double* key, std::size_t h, RotaryPairs pairs, double base,
                             double length) noexcept {
  return turned_product(query, key, {h, pairs, base}, [&](double x) {
    if (x == 0.0) return Complex{1.0, 0.0};
    if (std::isinf(length)) return Complex{0.0, 0.0};
    const double size = std::sin(0.5 * length * x) / (length * std::sin(0.5 * x));
    const double angle = 0.5 * (length - 1.0) * x;
    return Complex{size * std::cos(angle), size * std::sin(angle)};
  });
}

}  // namespace heed
