// What every module has: memory, threads, half floats on their way in, and what this build is.
#include <emscripten/bind.h>

#include "base/buffer.hpp"
#include "base/half.hpp"
#include "bindings/runtime.hpp"

namespace heed::bindings {
namespace {

Address allocate_js(double bytes) {
  // 2^64 - 1 would be rounded up to what std::size_t does not hold.
  constexpr double kMost = sizeof(std::size_t) == 4 ? 0x1p32 - 1 : 0x1p53;
  if (!(bytes >= 0.0 && bytes <= kMost)) return 0;
  return address_of(allocate(static_cast<std::size_t>(bytes)));
}

void release_js(Address address) { release(at<void>(address)); }
double live_bytes_js() { return static_cast<double>(live_bytes()); }
JsStatus start_threads(std::uint32_t threads) { return to_js(pool().start(threads)); }
void stop_threads() { pool().stop(); }
void widen_half_js(Address from, Address to, std::uint32_t count) {
  widen_half(at<const std::uint16_t>(from), at<float>(to), count);
}
std::string module() { return HEED_MODULE; }
std::string variant() { return HEED_VARIANT; }
std::string version() { return HEED_VERSION; }

}  // namespace

EMSCRIPTEN_BINDINGS(runtime) {
  using namespace emscripten;
  value_object<JsStatus>("Status").field("code", &JsStatus::code).field("detail", &JsStatus::detail);
  function("allocate", &allocate_js);
  function("release", &release_js);
  function("liveBytes", &live_bytes_js);
  function("startThreads", &start_threads);
  function("stopThreads", &stop_threads);
  function("widenHalf", &widen_half_js);
  function("module", &module);
  function("variant", &variant);
  function("version", &version);
}

}  // namespace heed::bindings
