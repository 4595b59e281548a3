#include "reference/selection.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace heed::reference {

std::vector<std::uint32_t> first_k(const std::vector<float>& scores, std::size_t k) {
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (std::isnan(scores[a])) return false;
    if (std::isnan(scores[b])) return true;
    return scores[a] > scores[b];
  });
  order.resize(std::min(k, order.size()));
  return order;
}

}  // namespace heed::reference
