// The retriever "int8": all keys are looked at in 8 bits, those that could be among the best are scored exactly.
//
// For 64 rows of a head the rounded keys pass by in blocks. An even sample of them gives each row a first guess of the
// score of its k-th best key (`floor`). A key is a candidate when its prescore plus its band (quantized_keys.hpp)
// exceeds the floor. Should a row's candidates fill up, the k-th largest of their lower bounds, prescore minus band, is
// a score that k keys are known to reach: the floor rises to it. At the end the floor rises once more, what is left is
// scored exactly and cut to k.
//
// The set is exact: every key that is not a candidate has a score of at most the floor, and when the k-th best exact
// score found is above the floor, no such key belongs to the k. Where it is not, because the sample promised too much,
// and for rows that see outliers or are outliers themselves, the row is scanned (exact_row.hpp).
//
// Cost: at d = 64 the screen takes some 40 % of the time of f32 scores; of 4096 Gaussian keys 0.9 % are scored exactly
// for
//       k = 20. Filter, selection and gathering take twice as long as the screen.
#pragma once

#include "base/pieces.hpp"
#include "retrieve/quantized_keys.hpp"
#include "retrieve/retriever.hpp"

namespace heed {

class Screen {
 public:
  static constexpr bool kExact = true;

  bool prepare(const AttentionProblem& problem) noexcept { return keys_.prepare(problem); }
  std::size_t build_units() const noexcept { return keys_.build_units(); }
  void build(const AttentionProblem& problem, std::size_t unit) noexcept { keys_.build(problem, unit); }

  std::size_t scratch_bytes(const AttentionProblem& problem, std::size_t most_kept) const noexcept;
  void retrieve(const AttentionProblem& problem, const QueryRows& rows, std::size_t most_kept, RetrievedRow* found,
                std::byte* scratch) const noexcept;

 private:
  QuantizedKeys keys_;
};

}  // namespace heed
