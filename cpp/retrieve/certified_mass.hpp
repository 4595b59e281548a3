// The dropped mass that is left possible where scores were skipped: retrieved_attention.hpp derives it.
#pragma once

namespace heed {

/// `kept`: Z_H, of computed weights. `rest`: at least the sum over what was not kept, relative to the same reference;
/// NaN for a spoiled row, infinity where nothing is known. `score_error`: delta of sparse/dropped_mass.hpp.
float certified_mass(double kept, double rest, double score_error) noexcept;

}  // namespace heed
