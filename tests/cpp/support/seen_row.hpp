// The keys that one row sees, by the rules' own words, and what the oracle says of them. Beside reference::scores(),
// which gives a hidden key the score -infinity, this tells hidden keys from visible ones with that score.
#pragma once

#include <algorithm>
#include <cmath>

#include "reference/attention.hpp"

namespace heed::test {

struct SeenRow {
  std::vector<std::uint32_t> keys;
  std::size_t sinks = 0;  // the first so many of them
  std::vector<double> scores, logits, p;

  SeenRow(const reference::Tensors& t, reference::Row row) {
    const std::size_t end = reference::visible(t, row.query);
    const std::size_t mask = ((t.mask_per_head ? row.head * t.queries : 0) + row.query) * t.keys;
    for (std::size_t j = 0; j < end; ++j) {
      if (t.window != 0 && end - j > t.window && j >= t.sinks) continue;
      if (t.allowed != nullptr && t.allowed[mask + j] == 0) continue;
      if (t.bias != nullptr && t.bias[mask + j] == -std::numeric_limits<float>::infinity()) continue;
      keys.push_back(static_cast<std::uint32_t>(j));
      sinks += j < t.sinks ? 1 : 0;
    }
    scores = of_keys(t, row);
    p = reference::softmax(scores);
    reference::Tensors products = t;
    products.softcap = 0.0;
    products.bias = nullptr;
    logits = of_keys(products, row);
  }

  /// The places in `keys` of some key numbers.
  std::vector<std::uint32_t> places(const std::vector<std::uint32_t>& numbers) const {
    std::vector<std::uint32_t> result;
    for (const std::uint32_t key : numbers)
      result.push_back(static_cast<std::uint32_t>(std::lower_bound(keys.begin(), keys.end(), key) - keys.begin()));
    return result;
  }

 private:
  std::vector<double> of_keys(const reference::Tensors& t, reference::Row row) const {
    const std::vector<double> all = reference::scores(t, row);
    std::vector<double> result;
    for (const std::uint32_t key : keys) result.push_back(all.empty() ? -HUGE_VAL : all[key]);
    return result;
  }
};

}  // namespace heed::test
