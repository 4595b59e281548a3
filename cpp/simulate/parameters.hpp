// The parameters of a protocol as they cross from JavaScript: numbers one after the other, a list as its length and its
// numbers. web/src/check/simulation.ts writes them in the order in which the protocol reads them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace heed {

class Parameters {
 public:
  Parameters(const double* numbers, std::size_t count) noexcept : next_(numbers), end_(numbers + count) {}

  /// 0 past the end; whole() then says so.
  double number() noexcept {
    if (next_ == end_) {
      short_ = true;
      return 0.0;
    }
    return *next_++;
  }
  std::size_t count() noexcept { return static_cast<std::size_t>(number()); }
  bool flag() noexcept { return number() != 0.0; }
  template <class Code>
  Code code() noexcept {
    return static_cast<Code>(static_cast<int>(number()));
  }

  std::vector<double> list() {
    std::vector<double> values(std::min(count(), static_cast<std::size_t>(end_ - next_)));
    for (double& value : values) value = number();
    return values;
  }

  /// Whether everything was read, and not more.
  bool whole() const noexcept { return next_ == end_ && !short_; }

 private:
  const double* next_;
  const double* end_;
  bool short_ = false;
};

}  // namespace heed
