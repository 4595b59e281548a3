// Owning storage, aligned to a cache line. Allocation reports failure by returning false instead of ending the program,
// and the bytes held are counted, so that a test can see that nothing is kept.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include "base/checked_math.hpp"

namespace heed {

inline constexpr std::size_t kAlignment = 64;

/// Bytes held by all buffers and by allocate(). Changed by the thread that plans a call, never by the pool's threads.
std::size_t live_bytes() noexcept;

/// 64-byte aligned memory for `bytes` bytes, or nullptr. Pairs with release().
void* allocate(std::size_t bytes) noexcept;
void release(void* address) noexcept;

template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() { release(data_); }

  /// Room for `count` elements, contents unspecified. False, and an empty buffer, when there is no memory.
  [[nodiscard]] bool resize(std::size_t count) noexcept {
    release(std::exchange(data_, nullptr));
    size_ = 0;
    const CheckedSize bytes = checked_product({count, sizeof(T)});
    if (!bytes.fits) return false;
    if (count == 0) return true;
    data_ = static_cast<T*>(allocate(bytes.value));
    if (data_ == nullptr) return false;
    size_ = count;
    return true;
  }

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace heed
