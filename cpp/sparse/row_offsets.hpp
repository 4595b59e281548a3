// Where the kept keys of each row lie when they are asked for: running totals of the rows' entries, in the order batch,
// query, head, batch * queries * heads + 1 numbers. False when the total does not fit in 32 bits.
//
// They are known before the search, unless the entries depend on the scores or on a mask. Then a first search counts
// (TopKOptions::only_count) and the totals come from its counts.
#pragma once

#include <cstdint>

#include "attention/problem.hpp"
#include "sparse/budget.hpp"

namespace heed {

struct TopKOptions;

/// Whether the shape alone says how many keys each row keeps.
bool entries_known(const AttentionProblem& problem, const TopKOptions& options) noexcept;

/// For such a problem.
[[nodiscard]] bool write_offsets(const AttentionProblem& problem, const TopKOptions& options,
                                 std::uint32_t* offsets) noexcept;
[[nodiscard]] bool write_offsets(const AttentionShape& shape, const Budget& budget, std::uint32_t* offsets) noexcept;

/// From the entries of each row.
[[nodiscard]] bool write_offsets(const std::uint32_t* kept, std::size_t rows, std::uint32_t* offsets) noexcept;

}  // namespace heed
