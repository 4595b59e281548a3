#include "attention/score_former.hpp"

#include "simd/score_rules.hpp"
#include "simd/score_tile.hpp"

namespace heed {

// Where each lane's row of the mask begins, at key `first_key`. A lane without a query reads the last query's row.
template <class T>
void ScoreFormer::mask_rows(const T* mask, const PanelRows& rows, std::size_t first_key,
                            const T** starts) const noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t plane = problem_.mask.per_head ? rows.head * shape.queries : 0;
  for (std::size_t lane = 0; lane < simd::kPanel; ++lane)
    starts[lane] = mask + (plane + std::min(rows.first + lane, rows.last - 1)) * shape.keys + first_key;
}

void ScoreFormer::form(const PanelRows& rows, Range keys, const float* packed, float* scores) const noexcept {
  form_products(rows, keys.size(), packed, scores);
  apply_rules(rows, keys, scores);
}

void ScoreFormer::form_products(const PanelRows& rows, std::size_t count, const float* packed,
                                float* scores) const noexcept {
  simd::scores(rows.queries, packed, count, problem_.shape.head_dim, scores);
}

void ScoreFormer::apply_rules(const PanelRows& rows, Range keys, float* scores) const noexcept {
  const std::size_t count = keys.size();
  if (problem_.softcap != 0.0) simd::kernel_softcap(scores, count, static_cast<float>(problem_.softcap));
  if (problem_.mask.bias != nullptr) {
    const float* starts[simd::kPanel];
    mask_rows(problem_.mask.bias, rows, keys.begin, starts);
    simd::kernel_add_bias(scores, count, starts);
  }
  if (problem_.mask.allowed != nullptr) {
    const std::uint8_t* starts[simd::kPanel];
    mask_rows(problem_.mask.allowed, rows, keys.begin, starts);
    simd::kernel_disallow(scores, count, starts);
  }
  if (!rows.sees->all_see(keys)) simd::kernel_hide(scores, count, rows.sees->lanes, static_cast<float>(keys.begin));
}

void ScoreFormer::form_listed(const PanelRows& rows, const std::uint32_t* keys, std::size_t count, const float* packed,
                              float* scores) const noexcept {
  if (count == 0) return;
  simd::scores(rows.queries, packed, count, problem_.shape.head_dim, scores);
  if (problem_.softcap != 0.0) simd::kernel_softcap(scores, count, static_cast<float>(problem_.softcap));
  if (problem_.mask.bias != nullptr) {
    const float* starts[simd::kPanel];
    mask_rows(problem_.mask.bias, rows, 0, starts);
    simd::kernel_add_bias_listed(scores, count, starts, keys);
  }
  if (problem_.mask.allowed != nullptr) {
    const std::uint8_t* starts[simd::kPanel];
    mask_rows(problem_.mask.allowed, rows, 0, starts);
    simd::kernel_disallow_listed(scores, count, starts, keys);
  }
  if (!rows.sees->all_see({keys[0], keys[count - 1] + std::size_t{1}}))
    simd::kernel_hide_listed(scores, count, rows.sees->lanes, keys);
}

}  // namespace heed
