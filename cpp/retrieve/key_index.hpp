// One retriever of a kind chosen at run time, and what all kinds need to know of the keys: the norm of each row's
// largest visible key.
#pragma once

#include "retrieve/key_norms.hpp"
#include "retrieve/pages.hpp"
#include "retrieve/screen.hpp"

namespace heed {

/// The order is the order of `rawSearches` in web/src/runtime/raw.ts.
enum class Search { kExact, kPages, kInt8, kLsh };

class KeyIndex {
 public:
  /// Takes the memory for an index over the keys of `problem`. kUnsupported for kExact, which needs none.
  Status prepare(const AttentionProblem& problem, Search search);
  std::size_t build_units() const noexcept { return norms_.build_units(); }
  void build(const AttentionProblem& problem, std::size_t unit) noexcept;

  Search search() const noexcept { return search_; }
  const KeyNorms& norms() const noexcept { return norms_; }
  /// Whether it was made for keys of this shape.
  bool fits(const AttentionShape& shape) const noexcept;

  std::size_t scratch_bytes(const AttentionProblem& problem, std::size_t most_kept) const noexcept;
  void retrieve(const AttentionProblem& problem, const QueryRows& rows, std::size_t most_kept, RetrievedRow* found,
                std::byte* scratch) const noexcept;

 private:
  template <class Use>
  decltype(auto) with_retriever(Use&& use) noexcept;
  template <class Use>
  decltype(auto) with_retriever(Use&& use) const noexcept;

  Search search_ = Search::kExact;
  AttentionShape shape_;
  KeyNorms norms_;
  Pages pages_;
  Screen screen_;
};

}  // namespace heed
