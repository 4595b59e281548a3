// Sorts the scores of a row, the largest first: a radix sort of three passes over 11 bits of rank_key(), because it is
// linear in n. At a million scores a comparison sort takes five times as long and would make a unit of work too long.
//
// Order: score descending, NaN last. Which of two equal scores comes first cannot be told from the result.
#pragma once

#include <cstddef>

namespace heed {

/// `scratch` has room for `count` floats too.
void sort_descending(float* scores, std::size_t count, float* scratch) noexcept;

}  // namespace heed
