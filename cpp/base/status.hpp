// What went wrong, when the caller or the computer is at fault. Kernels cannot fail; loaders, plans and bindings return
// one of these instead of throwing, because the Wasm builds have no exceptions.
#pragma once

#include <string>
#include <utility>

namespace heed {

/// The order is the order of `rawCodes` in web/src/runtime/raw.ts.
enum class ErrorCode : int {
  kOk = 0,
  kInvalidArgument,
  kShapeMismatch,
  kOutOfMemory,
  kUnsupported,
  kInternal,
};

struct [[nodiscard]] Status {
  ErrorCode code = ErrorCode::kOk;
  /// Names the argument, what it was and what would be legal.
  std::string detail;

  bool ok() const noexcept { return code == ErrorCode::kOk; }
  static Status fail(ErrorCode code, std::string detail) { return {code, std::move(detail)}; }
};

}  // namespace heed
