// Memory that tells when it is misused: canaries on both sides show writes outside, a start that is not aligned shows
// kernels that need alignment, and NaN or a fixed pattern inside shows elements that were never written.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

namespace heed::test {

template <class T>
class Guarded {
 public:
  explicit Guarded(std::size_t count) : count_(count), bytes_((2 * kGuard + count) * sizeof(T) + sizeof(T), kCanary) {
    // One element past a 16-byte boundary: aligned for T, for no vector.
    const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
    offset_ = kGuard * sizeof(T) + (address % 16 == 0 && sizeof(T) < 16 ? sizeof(T) : 0);
    if constexpr (std::is_floating_point_v<T>) {
      for (std::size_t i = 0; i < count; ++i) data()[i] = std::numeric_limits<T>::quiet_NaN();
    }
  }
  explicit Guarded(const std::vector<T>& values) : Guarded(values.size()) {
    if (!values.empty()) std::memcpy(data(), values.data(), values.size() * sizeof(T));
  }

  T* data() { return reinterpret_cast<T*>(bytes_.data() + offset_); }
  const T* data() const { return reinterpret_cast<const T*>(bytes_.data() + offset_); }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  std::vector<T> values() const { return {data(), data() + count_}; }

  /// False when anything before or behind the elements was written.
  bool guards_intact() const {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      const bool inside = i >= offset_ && i < offset_ + count_ * sizeof(T);
      if (!inside && bytes_[i] != kCanary) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kGuard = 64;
  static constexpr unsigned char kCanary = 0xA5;
  std::size_t count_;
  std::vector<unsigned char> bytes_;
  std::size_t offset_ = 0;
};

}  // namespace heed::test
