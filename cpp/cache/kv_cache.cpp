#include "cache/kv_cache.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <new>
#include <utility>

namespace heed {
namespace {

constexpr std::size_t kMostTokens = 1u << 24;  // as for attention: positions are compared as floats

Status no_memory(std::size_t tokens) {
  return Status::fail(ErrorCode::kOutOfMemory,
                      "no memory left for " + std::to_string(tokens) + " tokens; the cache is as it was");
}

}  // namespace

Status validate(const CacheShape& shape) {
  for (auto [size, name] : {std::pair{shape.layers, "layers"},
                            {shape.kv_heads, "kvHeads"},
                            {shape.head_dim, "headDim"},
                            {shape.value_dim, "valueDim"},
                            {shape.capacity, "capacity"}}) {
    if (size == 0) return Status::fail(ErrorCode::kInvalidArgument, std::string(name) + " is 0; it must be at least 1");
  }
  if (shape.capacity > kMostTokens)
    return Status::fail(ErrorCode::kUnsupported,
                        "capacity is " + std::to_string(shape.capacity) + "; at most 16777216 tokens are supported");
  constexpr std::size_t kMostNumbers = 1u << 24;
  const std::size_t widest = std::max(shape.head_dim, shape.value_dim);
  const CheckedSize row = checked_product({shape.kv_heads, widest});
  const CheckedSize page = checked_product({row.value, 2 * kPageTokens * sizeof(float)});
  if (shape.layers > kMostNumbers || !row.fits || row.value > kMostNumbers || !page.fits ||
      page.value > SIZE_MAX - (kMostNumbers << 4))
    return Status::fail(ErrorCode::kShapeMismatch, "a page of the cache is larger than the address space");
  return {};
}

KvCache::KvCache(const CacheShape& shape)
    : shape_(shape),
      layout_(shape),
      status_(validate(shape)),
      shadow_(shape),
      boxes_(shape),
      sketches_(shape),
      tails_(shape),
      recorded_(shape) {
  if (!status_.ok()) return;
  layers_.reset(new (std::nothrow) Layer[shape.layers]);
  if (layers_ == nullptr) {
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the layers of the cache");
    return;
  }
  for (std::size_t i = 0; i < shape.layers; ++i) layers_[i].table = PageTable(layout_.page_bytes());
}

std::size_t KvCache::length() const noexcept {
  std::size_t least = layers_[0].length;
  for (std::size_t i = 1; i < shape_.layers; ++i) least = std::min(least, layers_[i].length);
  return least;
}

std::size_t KvCache::bytes() const noexcept {
  std::size_t total = 0;
  for (std::size_t i = 0; i < shape_.layers; ++i) total += layers_[i].table.bytes();
  return total + shadow_.bytes() + boxes_.bytes() + sketches_.bytes() + tails_.bytes() + recorded_.bytes();
}

void KvCache::store(std::byte* page, std::size_t at, const float* keys, const float* values) noexcept {
  bool finite = true;
  for (std::size_t g = 0; g < shape_.kv_heads; ++g) {
    auto* const scales = reinterpret_cast<float*>(page + layout_.key_scale(g, at));
    auto* const value_scales = reinterpret_cast<float*>(page + layout_.value_scale(g, at));
    finite &= simd::kernel_store_row(shape_.type, keys + g * shape_.head_dim, shape_.head_dim,
                                     page + layout_.key(g, at), scales);
    finite &= simd::kernel_store_row(shape_.type, values + g * shape_.value_dim, shape_.value_dim,
                                     page + layout_.value(g, at), value_scales);
    note_norm(page, g, at);
  }
  page[layout_.flag(at)] = std::byte{finite ? std::uint8_t{0} : std::uint8_t{1}};
}

// ||key|| as it is stored, rounded up, or that of an earlier key of the page if it is larger.
void KvCache::note_norm(std::byte* page, std::size_t head, std::size_t at) noexcept {
  const simd::CachedRows row = layout_.keys(page, head, at);
  double squares = 0.0;
  float step[simd::kRowStep];
  for (std::size_t c = 0; c < simd::row_columns(shape_.head_dim); c += simd::kRowStep) {
    simd::widen_rows(shape_.type, {row.data + c * simd::number_bytes(shape_.type), row.scales}, 1, simd::kRowStep,
                     step);
    for (const float x : step) squares += double{x} * double{x};
  }
  auto* const norm = reinterpret_cast<float*>(page + layout_.norm(head, at));
  *norm = std::nextafter(static_cast<float>(std::sqrt(squares)), simd::kInfinity);
  if (at != 0 && norm[-1] > *norm) *norm = norm[-1];
}

Status KvCache::keep_only(std::size_t layer, const std::uint32_t* tokens, std::size_t count) {
  Layer& at = layers_[layer];
  PageTable fresh(layout_.page_bytes());
  if (!fresh.grow((count + kPageTokens - 1) / kPageTokens) || !recorded_.own(layer)) return no_memory(count);
  const bool scaled = shape_.type == simd::RowType::kByte;
  for (std::size_t g = 0; g < shape_.kv_heads; ++g) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t token = tokens[g * count + i], from = token % kPageTokens, to = i % kPageTokens;
      const std::byte* const source = page(layer, token / kPageTokens);
      std::byte* const target = fresh.page(i / kPageTokens);
      std::copy_n(source + layout_.key(g, from), layout_.key_bytes(), target + layout_.key(g, to));
      std::copy_n(source + layout_.value(g, from), layout_.value_bytes(), target + layout_.value(g, to));
      if (!scaled) continue;
      std::copy_n(source + layout_.key_scale(g, from), sizeof(float), target + layout_.key_scale(g, to));
      std::copy_n(source + layout_.value_scale(g, from), sizeof(float), target + layout_.value_scale(g, to));
    }
  }
  recorded_.keep_only(layer, tokens, count);
  cut_found(layer, 0);
  at.table = std::move(fresh);
  at.length = count;
  (void)recover(layer);  // rows that were legal before
  return {};
}

Status KvCache::extend(std::size_t layer, std::size_t length) {
  if (!layers_[layer].table.grow((length + kPageTokens - 1) / kPageTokens)) return no_memory(length);
  layers_[layer].length = length;
  return {};
}

bool KvCache::recover(std::size_t layer) noexcept {
  const bool bytes = shape_.type == simd::RowType::kByte;
  const std::size_t width = simd::number_bytes(shape_.type);
  bool legal = true;
  const auto check = [&](const simd::CachedRows& row, std::size_t dim) {
    float step[simd::kRowStep], sum = 0.0f;
    for (std::size_t c = 0; c < simd::row_columns(dim); c += simd::kRowStep) {
      simd::widen_rows(shape_.type, {row.data + c * width, row.scales}, 1, simd::kRowStep, step);
      for (std::size_t i = 0; i < simd::kRowStep; ++i) {
        sum += step[i] - step[i];
        // Columns past the last are zeros, and the sums of products count on bytes from -127 on.
        const std::byte* const number = row.data + (c + i) * width;
        if (bytes && std::to_integer<std::int8_t>(*number) == -128) legal = false;
        if (c + i >= dim && std::any_of(number, number + width, [](std::byte b) { return b != std::byte{0}; }))
          legal = false;
      }
    }
    return sum == 0.0f;
  };
  for (std::size_t t = 0; t < layers_[layer].length; ++t) {
    std::byte* const to = writable(layer, t / kPageTokens);
    const std::size_t at = t % kPageTokens;
    bool finite = true;
    for (std::size_t g = 0; g < shape_.kv_heads; ++g) {
      finite &= check(layout_.keys(to, g, at), shape_.head_dim);
      finite &= check(layout_.values(to, g, at), shape_.value_dim);
      note_norm(to, g, at);
    }
    to[layout_.flag(at)] = std::byte{finite ? std::uint8_t{0} : std::uint8_t{1}};
  }
  return legal;
}

Status KvCache::append(std::size_t layer, const float* keys, const float* values, std::size_t tokens, TaskPool& pool) {
  if (layer >= shape_.layers)
    return Status::fail(ErrorCode::kInvalidArgument, "layer is " + std::to_string(layer) + "; the cache has " +
                                                         std::to_string(shape_.layers) + " layers");
  Layer& at = layers_[layer];
  if (tokens > shape_.capacity - at.length)
    return Status::fail(ErrorCode::kInvalidArgument,
                        "layer " + std::to_string(layer) + " holds " + std::to_string(at.length) + " tokens and " +
                            std::to_string(tokens) + " more exceed the capacity, " + std::to_string(shape_.capacity));
  if (tokens == 0) return {};
  const std::size_t first = at.length / kPageTokens, end = at.length + tokens, before = at.table.size();
  if (!at.table.grow((end + kPageTokens - 1) / kPageTokens)) return no_memory(tokens);
  if (first < before && !at.table.own(first)) {
    at.table.shrink(before);
    return no_memory(tokens);
  }
  const std::size_t key_row = shape_.kv_heads * shape_.head_dim, value_row = shape_.kv_heads * shape_.value_dim;
  pool.run({first, at.table.size()}, [&](std::size_t page, std::size_t) {
    const std::size_t from = std::max(at.length, page * kPageTokens), to = std::min(end, (page + 1) * kPageTokens);
    for (std::size_t t = from; t < to; ++t)
      store(at.table.page(page), t - page * kPageTokens, keys + (t - at.length) * key_row,
            values + (t - at.length) * value_row);
  });
  at.length = end;
  return {};
}

Status KvCache::record(std::size_t layer, const double* received, std::size_t tokens, TaskPool& pool) {
  return recorded_.add(layer, received, tokens, pool) ? Status{} : no_memory(tokens);
}

Status KvCache::rewind(std::size_t length) {
  std::size_t longest = 0;
  for (std::size_t i = 0; i < shape_.layers; ++i) longest = std::max(longest, layers_[i].length);
  if (length > longest)
    return Status::fail(ErrorCode::kInvalidArgument, "length is " + std::to_string(length) + "; the cache holds " +
                                                         std::to_string(longest) + " tokens");
  for (std::size_t i = 0; i < shape_.layers; ++i) cut(i, std::min(layers_[i].length, length));
  return {};
}

Status KvCache::rewind(std::size_t layer, std::size_t length) {
  if (layer >= shape_.layers || length > layers_[layer].length)
    return Status::fail(ErrorCode::kInvalidArgument,
                        "layer " + std::to_string(layer) + " does not hold " + std::to_string(length) + " tokens");
  cut(layer, length);
  return {};
}

void KvCache::cut(std::size_t layer, std::size_t length) noexcept {
  layers_[layer].length = length;
  layers_[layer].table.shrink((length + kPageTokens - 1) / kPageTokens);
  recorded_.rewind(layer, length);
  cut_found(layer, length);
}

// What is found again from the tokens.
void KvCache::cut_found(std::size_t layer, std::size_t length) noexcept {
  shadow_.rewind(layer, length);
  boxes_.rewind(layer, length);
  sketches_.rewind(layer, length);
  tails_.rewind(layer, length);
}

void KvCache::clear() noexcept {
  for (std::size_t i = 0; i < shape_.layers; ++i) cut(i, 0);
}

Status KvCache::fork(const KvCache& other) {
  for (std::size_t i = 0; i < shape_.layers; ++i) {
    if (!layers_[i].table.share(other.layers_[i].table, other.layers_[i].table.size())) {
      clear();
      return no_memory(other.length());
    }
    layers_[i].length = other.layers_[i].length;
  }
  if (!shadow_.share(other.shadow_) || !boxes_.share(other.boxes_) || !sketches_.share(other.sketches_) ||
      !tails_.share(other.tails_) || !recorded_.share(other.recorded_)) {
    clear();
    return no_memory(other.length());
  }
  return {};
}

bool KvCache::finite(std::size_t layer, Range range) const noexcept {
  const std::byte* const flags = page(layer, range.begin / kPageTokens);
  std::uint8_t spoiled = 0;
  for (std::size_t t = range.begin; t < range.end; ++t)
    spoiled |= std::to_integer<std::uint8_t>(flags[layout_.flag(t % kPageTokens)]);
  return spoiled == 0;
}

simd::CachedRows KvCache::key_rows(std::size_t layer, std::size_t head, Range range) const noexcept {
  simd::CachedRows rows = layout_.keys(page(layer, range.begin / kPageTokens), head, range.begin % kPageTokens);
  if (shape_.type == simd::RowType::kHalf) rows.finite = finite(layer, range);
  return rows;
}

simd::CachedRows KvCache::value_rows(std::size_t layer, std::size_t head, Range range) const noexcept {
  simd::CachedRows rows = layout_.values(page(layer, range.begin / kPageTokens), head, range.begin % kPageTokens);
  if (shape_.type == simd::RowType::kHalf) rows.finite = finite(layer, range);
  return rows;
}

double KvCache::key_norm(std::size_t layer, std::size_t head, std::size_t count) const noexcept {
  float largest = 0.0f;
  for (std::size_t first = 0; first < count; first += kPageTokens) {
    const std::size_t last = std::min(kPageTokens, count - first) - 1;
    const std::byte* const norm = page(layer, first / kPageTokens) + layout_.norm(head, last);
    largest = std::max(largest, *reinterpret_cast<const float*>(norm));
  }
  return double{largest};
}

void KvCache::read(std::size_t layer, std::size_t head, std::size_t token, float* key, float* value) const noexcept {
  const std::byte* const from = page(layer, token / kPageTokens);
  const std::size_t at = token % kPageTokens;
  const auto widen = [&](const simd::CachedRows& rows, std::size_t dim, float* to) {
    if (shape_.type == simd::RowType::kFloat) {
      std::copy_n(rows.as<float>(), dim, to);
      return;
    }
    // A row is whole steps; only `dim` numbers of it are wanted.
    float step[simd::kRowStep];
    for (std::size_t c = 0; c < dim; c += simd::kRowStep) {
      simd::widen_rows(shape_.type, {rows.data + c * simd::number_bytes(shape_.type), rows.scales}, 1, simd::kRowStep,
                       step);
      std::copy_n(step, std::min(simd::kRowStep, dim - c), to + c);
    }
  };
  if (key != nullptr) widen(layout_.keys(from, head, at), shape_.head_dim, key);
  if (value != nullptr) widen(layout_.values(from, head, at), shape_.value_dim, value);
}

}  // namespace heed
