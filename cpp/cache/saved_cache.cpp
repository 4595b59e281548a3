#include "cache/saved_cache.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace heed {
namespace {

constexpr char kMagic[8] = "heedkv";
constexpr std::uint32_t kPlain = 1, kRecorded = 2;  // versions

struct Header {
  char magic[8];
  std::uint32_t version, type, layers, kv_heads, head_dim, value_dim;
};

Header header_of(const CacheShape& shape, std::uint32_t version) noexcept {
  Header header{};
  std::copy_n(kMagic, sizeof(kMagic), header.magic);
  header.version = version;
  header.type = static_cast<std::uint32_t>(shape.type);
  header.layers = static_cast<std::uint32_t>(shape.layers);
  header.kv_heads = static_cast<std::uint32_t>(shape.kv_heads);
  header.head_dim = static_cast<std::uint32_t>(shape.head_dim);
  header.value_dim = static_cast<std::uint32_t>(shape.value_dim);
  return header;
}

std::uint32_t version_of(const KvCache& cache) noexcept { return cache.recorded().started() ? kRecorded : kPlain; }

// Bytes of a token of all heads.
std::size_t token_bytes(const KvCache& cache, std::uint32_t version) noexcept {
  const PageLayout& layout = cache.layout();
  const std::size_t scales = cache.shape().type == simd::RowType::kByte ? 2 * sizeof(float) : 0;
  const std::size_t received = version == kRecorded ? sizeof(double) : 0;
  return cache.shape().kv_heads * (layout.key_bytes() + layout.value_bytes() + scales + received);
}

Status not_saved(const char* why) {
  return Status::fail(ErrorCode::kInvalidArgument, std::string("the bytes are not a saved cache: ") + why);
}

// visit(offset into the page, bytes) for the pieces of a layer of `length` tokens in the order in which they are saved.
template <class Visit>
void each_piece(const KvCache& cache, std::size_t length, Visit&& visit) {
  const PageLayout& layout = cache.layout();
  const bool scaled = cache.shape().type == simd::RowType::kByte;
  for (std::size_t g = 0; g < cache.shape().kv_heads; ++g) {
    const auto rows = [&](std::size_t at, std::size_t each) {
      for (std::size_t first = 0; first < length; first += kPageTokens)
        visit(first / kPageTokens, at, std::min(kPageTokens, length - first) * each);
    };
    rows(layout.key(g, 0), layout.key_bytes());
    rows(layout.value(g, 0), layout.value_bytes());
    if (scaled) rows(layout.key_scale(g, 0), sizeof(float));
    if (scaled) rows(layout.value_scale(g, 0), sizeof(float));
  }
}

// What the tokens of a layer received. Refused when it is no sum of probabilities.
Status restore_received(const std::byte*& from, std::size_t layer, KvCache& cache) {
  const std::size_t count = cache.shape().kv_heads * cache.length(layer);
  Buffer<double> received;
  TaskPool pool;
  if (!received.resize(count)) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for recorded attention");
  if (count != 0) std::memcpy(received.data(), from, count * sizeof(double));
  from += count * sizeof(double);
  for (std::size_t i = 0; i < count; ++i)
    if (!std::isfinite(received[i]) || std::signbit(received[i])) return not_saved("a recorded sum is none");
  return cache.record(layer, received.data(), cache.length(layer), pool);
}

}  // namespace

std::size_t saved_bytes(const KvCache& cache) noexcept {
  std::size_t total = sizeof(Header) + cache.shape().layers * sizeof(std::uint32_t);
  for (std::size_t i = 0; i < cache.shape().layers; ++i)
    total += cache.length(i) * token_bytes(cache, version_of(cache));
  return total;
}

void save_cache(const KvCache& cache, std::byte* to) noexcept {
  const Header header = header_of(cache.shape(), version_of(cache));
  std::memcpy(to, &header, sizeof(header));
  to += sizeof(header);
  for (std::size_t i = 0; i < cache.shape().layers; ++i, to += sizeof(std::uint32_t)) {
    const auto length = static_cast<std::uint32_t>(cache.length(i));
    std::memcpy(to, &length, sizeof(length));
  }
  for (std::size_t i = 0; i < cache.shape().layers; ++i) {
    each_piece(cache, cache.length(i), [&](std::size_t page, std::size_t at, std::size_t bytes) {
      std::memcpy(to, cache.page(i, page) + at, bytes);
      to += bytes;
    });
  }
  if (header.version != kRecorded) return;
  for (std::size_t i = 0; i < cache.shape().layers; ++i)
    for (std::size_t g = 0; g < cache.shape().kv_heads; ++g)
      for (std::size_t t = 0; t < cache.length(i); ++t, to += sizeof(double)) {
        const double received = cache.recorded().sum(i, g, t);
        std::memcpy(to, &received, sizeof(received));
      }
}

Status restore_cache(const std::byte* from, std::size_t bytes, KvCache& cache) {
  const CacheShape& shape = cache.shape();
  const std::size_t start = sizeof(Header) + shape.layers * sizeof(std::uint32_t);
  Header header;
  if (bytes < sizeof(Header)) return not_saved("they are too few");
  std::memcpy(&header, from, sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) return not_saved("they begin differently");
  if (header.version != kPlain && header.version != kRecorded)
    return not_saved(("the version is " + std::to_string(header.version) + ", known are 1 and 2").c_str());
  const Header expected = header_of(shape, header.version);
  if (std::memcmp(&header, &expected, sizeof(header)) != 0)
    return Status::fail(ErrorCode::kShapeMismatch,
                        "the saved cache has another type, or other layers, kvHeads, headDim or valueDim");
  if (bytes < start) return not_saved("they are too few");
  std::size_t rest = bytes - start;
  Buffer<std::uint32_t> lengths;
  if (!lengths.resize(shape.layers)) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the lengths");
  std::memcpy(lengths.data(), from + sizeof(Header), shape.layers * sizeof(std::uint32_t));
  for (std::size_t i = 0; i < shape.layers; ++i) {
    const CheckedSize layer = checked_product({lengths[i], token_bytes(cache, header.version)});
    if (lengths[i] > shape.capacity)
      return Status::fail(ErrorCode::kInvalidArgument, "layer " + std::to_string(i) + " was saved with " +
                                                           std::to_string(lengths[i]) + " tokens; the capacity is " +
                                                           std::to_string(shape.capacity));
    if (!layer.fits || layer.value > rest) return not_saved("they are too few");
    rest -= layer.value;
  }
  if (rest != 0) return not_saved("they are too many");

  KvCache fresh(shape);
  if (!fresh.status().ok()) return fresh.status();
  from += start;
  for (std::size_t i = 0; i < shape.layers; ++i) {
    if (Status status = fresh.extend(i, lengths[i]); !status.ok()) return status;
    each_piece(fresh, lengths[i], [&](std::size_t page, std::size_t at, std::size_t size) {
      std::memcpy(fresh.writable(i, page) + at, from, size);
      from += size;
    });
    if (!fresh.recover(i)) return not_saved("a number is none that a cache holds");
  }
  for (std::size_t i = 0; header.version == kRecorded && i < shape.layers; ++i)
    if (Status status = restore_received(from, i, fresh); !status.ok()) return status;
  cache = std::move(fresh);
  return {};
}

}  // namespace heed
