#include "retrieve/choose_search.hpp"

#include <algorithm>

#include "base/pieces.hpp"

namespace heed {
namespace {

// Keys that a row sees on average.
std::size_t mean_visible(const AttentionShape& shape) noexcept {
  return (shape.visible(0) + shape.visible(shape.queries - 1)) / 2;
}

// One head's last keys and some of its queries, as a problem of their own.
struct Probe {
  AttentionProblem problem;
  Buffer<float> queries, keys;

  bool make(const AttentionProblem& whole) noexcept {
    const AttentionShape& shape = whole.shape;
    const std::size_t d = shape.head_dim, rows = std::min(kProbeRows, shape.queries);
    const std::size_t count = std::min(kProbeKeys, shape.keys);
    if (!queries.resize(rows * d) || !keys.resize(count * d)) return false;
    const MatrixView<const float> q = whole.query_rows(0, 0), k = whole.key_rows(0, 0);
    for (std::size_t i = 0; i < rows; ++i) {
      const float* from = q.row((2 * i + 1) * shape.queries / (2 * rows));
      for (std::size_t c = 0; c < d; ++c) queries[i * d + c] = from[c] * static_cast<float>(whole.scale);
    }
    for (std::size_t j = 0; j < count; ++j) std::copy_n(k.row(shape.keys - count + j), d, keys.data() + j * d);
    problem.shape = {.queries = rows, .keys = count, .head_dim = d, .value_dim = 1};
    problem.q = queries.data();
    problem.k = keys.data();
    return true;
  }

  // Exact scores a key that a search had to form; 1 when there is no memory to try.
  double scored(Search search, std::size_t wanted) const {
    KeyIndex index;
    if (!index.prepare(problem, search).ok()) return 1.0;
    for (std::size_t unit = 0; unit < index.build_units(); ++unit) index.build(problem, unit);
    const std::size_t rows = problem.shape.queries, room = round_up(wanted, 16);
    Buffer<std::byte> scratch;
    Buffer<float> scores;
    Buffer<std::uint32_t> indices;
    if (!scratch.resize(index.scratch_bytes(problem, wanted)) || !scores.resize(rows * room) ||
        !indices.resize(rows * room))
      return 1.0;
    RetrievedRow found[kProbeRows];
    for (std::size_t i = 0; i < rows; ++i) found[i] = {indices.data() + i * room, scores.data() + i * room, wanted};
    index.retrieve(problem, {0, 0, 0, 0, rows, queries.data()}, wanted, found, scratch.data());
    std::size_t total = 0;
    for (std::size_t i = 0; i < rows; ++i) total += found[i].scored;
    return static_cast<double>(total) / static_cast<double>(rows * problem.shape.keys);
  }
};

}  // namespace

SearchChoice choose_search(const AttentionProblem& problem, const Budget& budget) {
  SearchChoice choice;
  const std::size_t keys = problem.shape.keys, wanted = budget.entries(std::min(keys, kProbeKeys));
  if (problem.shape.queries == 0 || mean_visible(problem.shape) < kFewestKeys || 8 * wanted > keys) return choice;
  Probe probe;
  if (!probe.make(problem)) return choice;
  choice.screened = probe.scored(Search::kInt8, wanted);
  choice.visited = probe.scored(Search::kPages, wanted);
  const double scan = 1.6, screen = 0.8 + 5.0 * choice.screened, pages = 0.1 + 10.0 * choice.visited;
  if (screen < scan && screen <= pages) choice.search = Search::kInt8;
  if (pages < scan && pages < screen) choice.search = Search::kPages;
  return choice;
}

}  // namespace heed
