#include "simd/exp.hpp"

namespace heed::simd {
namespace {

constexpr void fill(float (&lanes)[kLanes], float value) noexcept {
  for (float& lane : lanes) lane = value;
}

constexpr ExpConstants make_constants() noexcept {
  ExpConstants k{};
  fill(k.log2e, 0x1.715476p+0f);
  fill(k.lowest, -127.0f);
  fill(k.magic, 0x1.8p23f + 127.0f);
  // Minimax on [-1/2, 1/2], relative error 7.5e-8 before rounding to float.
  fill(k.c5, 0x1.5c08e6p-10f);
  fill(k.c4, 0x1.3d0c52p-7f);
  fill(k.c3, 0x1.c6b6e4p-5f);
  fill(k.c2, 0x1.ebf918p-3f);
  fill(k.c1, 0x1.62e428p-1f);
  fill(k.c0, 1.0f);
  return k;
}

}  // namespace

constinit const ExpConstants kExpConstants = make_constants();

}  // namespace heed::simd
