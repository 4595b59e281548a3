// Prefetchers end with a page of memory, and WebAssembly cannot prefetch: what reads rows one behind the other looks at
// the first lines of the next page while it is still in this one, and finds its address and the stream there: shadow
// keys are read from memory at 32 GB/s instead of 18.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heed::simd {

/// Bytes of a page of the machine: the least that any has.
inline constexpr std::size_t kMemoryPage = 4096;

/// Looks at the first two lines of the page after that of `at`, where they lie before `end`.
inline void touch_next_page([[maybe_unused]] const void* at, [[maybe_unused]] const void* end) noexcept {
#if defined(__wasm__)
  constexpr std::uintptr_t kLine = 64;
  const std::uintptr_t next = (reinterpret_cast<std::uintptr_t>(at) | (kMemoryPage - 1)) + 1;
  if (next + 2 * kLine > reinterpret_cast<std::uintptr_t>(end)) return;
  // Volatile: or nobody would read what nobody uses.
  static_cast<void>(*reinterpret_cast<const volatile std::uint32_t*>(next));
  static_cast<void>(*reinterpret_cast<const volatile std::uint32_t*>(next + kLine));
#endif
}

/// Looks at every line of rows that lie anywhere, one behind the other: nothing else keeps as many on their way.
template <class Row>
inline void touch_rows([[maybe_unused]] Row&& row, [[maybe_unused]] std::size_t count,
                       [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__wasm__)
  constexpr std::size_t kLine = 64;
  for (std::size_t i = 0; i < count; ++i) {
    const auto* const from = reinterpret_cast<const std::byte*>(row(i));
    for (std::size_t at = 0; at < bytes; at += kLine)
      static_cast<void>(*reinterpret_cast<const volatile std::uint32_t*>(from + at));
  }
#endif
}

}  // namespace heed::simd
