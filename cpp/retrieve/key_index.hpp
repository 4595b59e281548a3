// One retriever of a kind chosen at run time, and what all kinds need to know of the keys: the norm of each row's
// largest visible key.
#pragma once

#include <type_traits>

#include "retrieve/hashes.hpp"
#include "retrieve/key_norms.hpp"
#include "retrieve/pages.hpp"
#include "retrieve/screen.hpp"

namespace heed {

/// The order is the order of `rawSearches` in web/src/runtime/raw.ts.
enum class Search { kExact, kPages, kInt8, kLsh };

class KeyIndex {
 public:
  /// Takes the memory for an index over the keys of `problem`. kUnsupported for kExact, which needs none.
  /// `seed`: for what is random in it.
  Status prepare(const AttentionProblem& problem, Search search, std::uint64_t seed = 0);
  std::size_t build_units() const noexcept { return norms_.build_units(); }
  void build(const AttentionProblem& problem, std::size_t unit) noexcept;

  Search search() const noexcept { return search_; }
  /// Whether it finds the exact set.
  bool exact() const noexcept;
  const KeyNorms& norms() const noexcept { return norms_; }
  /// Whether it was made for keys of this shape.
  bool fits(const AttentionShape& shape) const noexcept;

  std::size_t scratch_bytes(const AttentionProblem& problem, std::size_t most_kept) const noexcept;
  void retrieve(const AttentionProblem& problem, const QueryRows& rows, std::size_t most_kept, RetrievedRow* found,
                std::byte* scratch) const noexcept;

 private:
  // The one place that knows all of them.
  template <class Self, class Use>
  static decltype(auto) with(Self& self, Use&& use) {
    if (self.search_ == Search::kPages) return use(self.pages_);
    if (self.search_ == Search::kLsh) return use(self.hashes_);
    return use(self.screen_);
  }
  template <class Use>
  decltype(auto) with_retriever(Use&& use) const {
    return with(*this, use);
  }
  template <class Use>
  decltype(auto) with_retriever(Use&& use) {
    return with(*this, use);
  }

  Search search_ = Search::kExact;
  AttentionShape shape_;
  KeyNorms norms_;
  Hashes hashes_;
  Pages pages_;
  Screen screen_;
};

}  // namespace heed
