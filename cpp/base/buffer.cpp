#include "base/buffer.hpp"

#include <atomic>
#include <cstdint>

namespace heed {
namespace {

// Experiments allocate on every thread.
std::atomic<std::size_t> g_live_bytes{0};

// The size of a block stands in the cache line before it, so that release() can count it back.
constexpr std::size_t kHeader = kAlignment;

}  // namespace

std::size_t live_bytes() noexcept { return g_live_bytes.load(std::memory_order_relaxed); }

void* allocate(std::size_t bytes) noexcept {
  if (bytes > SIZE_MAX - kHeader - kAlignment) return nullptr;
  const std::size_t total = kHeader + round_up(bytes == 0 ? 1 : bytes, kAlignment);
  void* block = std::aligned_alloc(kAlignment, total);
  if (block == nullptr) return nullptr;
  *static_cast<std::size_t*>(block) = total;
  g_live_bytes.fetch_add(total, std::memory_order_relaxed);
  return static_cast<char*>(block) + kHeader;
}

void release(void* address) noexcept {
  if (address == nullptr) return;
  void* block = static_cast<char*>(address) - kHeader;
  g_live_bytes.fetch_sub(*static_cast<std::size_t*>(block), std::memory_order_relaxed);
  std::free(block);
}

}  // namespace heed
