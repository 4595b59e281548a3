// What the policies themselves tell of the rows of a run, per layer and query head: sums, to be divided by the number
// of rows. Top-k attention knows these numbers anyway, so they cost some additions a row, where a profile (profile.hpp)
// costs exact attention once more. In return what a window hides is not measured: `seen` counts what it leaves, and
// dropped and bound are shares of the attention over that.
#pragma once

#include "base/buffer.hpp"
#include "model/layer_attention.hpp"

namespace heed {

/// The order is the order of `rawReported` in web/src/runtime/raw-model.ts.
enum Reported { kReportRows, kReportSeen, kReportKept, kReportDropped, kReportBound, kReported };

class RunReport {
 public:
  explicit RunReport(const ModelShape& shape) noexcept : shape_(shape) {}

  /// Room for the rows of chunks of up to `tokens`; sums go to `out` (layers, heads, kReported), which may be null.
  Status prepare(std::size_t tokens, double* out);
  /// Where attention writes what it knows of its rows; null where nobody asks.
  const LayerAttention::Report* rows() const noexcept { return ready_ ? &rows_ : nullptr; }

  /// After attention of `tokens` new rows, the last of which sees `length` keys.
  void add_rows(std::size_t layer, std::size_t tokens, std::size_t length, const PolicyTable& policies) noexcept;

 private:
  const ModelShape& shape_;
  double* out_ = nullptr;
  bool ready_ = false;
  LayerAttention::Report rows_{};
  Buffer<float> dropped_, bound_;
  Buffer<std::uint32_t> kept_;  // (heads, tokens), as the others
};

}  // namespace heed
