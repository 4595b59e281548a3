// Memory, threads, and what this build is.
#include <emscripten/bind.h>

#include "base/buffer.hpp"
#include "bindings/runtime.hpp"

namespace heed::bindings {
namespace {

Address allocate_js(double bytes) {
  if (!(bytes >= 0.0) || bytes > static_cast<double>(SIZE_MAX)) return 0;
  return reinterpret_cast<Address>(allocate(static_cast<std::size_t>(bytes)));
}

void release_js(Address address) { release(at<void>(address)); }
double live_bytes_js() { return static_cast<double>(live_bytes()); }
JsStatus start_threads(std::uint32_t threads) { return to_js(pool().start(threads)); }
void stop_threads() { pool().stop(); }
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
  function("variant", &variant);
  function("version", &version);
}

}  // namespace heed::bindings
