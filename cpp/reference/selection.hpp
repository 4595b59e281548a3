// The oracle for selection: a stable sort of everything, then the first k.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heed::reference {

/// The indices of the min(k, n) scores that rank first, in rank order: higher scores first, of equal ones (the two
/// zeros are equal) the lower index, NaN behind everything.
std::vector<std::uint32_t> first_k(const std::vector<float>& scores, std::size_t k);

}  // namespace heed::reference
