// The tokens of a simulation, by number: token j is a function of (seed, j) alone, so that keys can be made block by
// block and forgotten, and any row can be a query without the others.
//
// Entries have mean 0 and variance 1 unless a row says otherwise; z are independent N(0, 1).
//
//   gaussian      x = z
//   uniform       x uniform in [-sqrt 3, sqrt 3]
//   rademacher    x = +1 or -1
//   sphere        x = sqrt(d) z / |z|: rows of one length
//   student       x = t sqrt((nu - 2) / nu), t Student's with nu = strength > 2 degrees of freedom (Bailey's polar
//   form) stationary    AR(1) along the tokens: corr(x_i, x_j) = rho^|i - j|, rho = strength clustered     x =
//   sqrt(share) c_(topic of j) + sqrt(1 - share) z, share = strength, 16 topics drawn by lot lowDimension  x = A y, y
//   in R^r, r = strength, A with N(0, 1/r) entries outliers      as gaussian, but every sixteenth channel (at least
//   one) times `strength`: variance above 1 sink          as gaussian; every score with key 0 is raised by `strength`
//   (row_source.hpp adds it) duplicates    token j is token j mod ceil(n / strength): every token occurs about
//   `strength` times
//
// AR(1) by number: x_0 = z_0 and x_N are drawn from the stationary law, and the middle of two tokens 2 g apart is
// N(rho^g / (1 + rho^(2 g)) (x_a + x_b), (1 - rho^(2 g)) / (1 + rho^(2 g))), the conditional law of the chain
// (DERIVED). A token costs log2 n such steps alone, and about one in a block.
#pragma once

#include "base/buffer.hpp"
#include "base/random.hpp"
#include "base/view.hpp"

namespace heed {

/// The order is the order of `inputs` in web/src/check/simulation-words.ts.
enum class Input {
  kGaussian,
  kUniform,
  kRademacher,
  kSphere,
  kStudent,
  kStationary,
  kClustered,
  kLowDimension,
  kOutliers,
  kSink,
  kDuplicates,
};

class TokenInput {
 public:
  /// Numbers of scratch that fill() needs.
  static constexpr std::size_t scratch_size(std::size_t d) noexcept { return (kLevels + 3) * d; }

  /// Room for rows of up to `most_d`; false when there is no memory. begin() allocates nothing.
  [[nodiscard]] bool reserve(std::size_t most_d) noexcept;
  void begin(Input kind, double strength, std::size_t n, std::size_t d, std::uint64_t seed) noexcept;

  /// Tokens [range) to rows `stride` apart.
  void fill(Range range, float* to, std::size_t stride, float* scratch) const noexcept;

 private:
  static constexpr std::size_t kLevels = 32;
  struct Wanted;
  void fill_one(std::size_t token, float* to, float* scratch) const noexcept;
  void fill_student(std::size_t token, float* to) const noexcept;
  void fill_chain(const Wanted& wanted, float* scratch) const noexcept;
  void fill_between(const Wanted& wanted, std::size_t first, unsigned level, const float* left, const float* right,
                    float* scratch) const noexcept;

  Input kind_ = Input::kGaussian;
  double strength_ = 0.0;
  std::size_t n_ = 0, d_ = 0;
  unsigned levels_ = 0;
  std::uint64_t seed_ = 0;
  double powers_[kLevels + 1] = {};  // rho^(2^level)
  Buffer<float> map_;                // (rank, d) of lowDimension, (topics, d) of clustered
};

}  // namespace heed
