// HEED_ASSERT states an invariant of ours. It traps in debug builds and costs nothing in release builds; what a caller
// can get wrong is reported with a Status instead.
#pragma once

#if defined(NDEBUG)
#define HEED_ASSERT(condition) ((void)0)
#else
#define HEED_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#endif

namespace heed {

/// Hides from the optimizer where a pointer comes from, so that what it points to is read from memory at each use.
/// V8 rebuilds a 128-bit constant from integer moves whenever it runs out of registers, which is slower than a load.
template <class T>
inline const T* opaque(const T* pointer) noexcept {
  asm volatile("" : "+r"(pointer));
  return pointer;
}

}  // namespace heed
