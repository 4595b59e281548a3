#include "retrieve/key_index.hpp"

namespace heed {

template <class Use>
decltype(auto) KeyIndex::with_retriever(Use&& use) noexcept {
  if (search_ == Search::kPages) return use(pages_);
  return use(screen_);
}

template <class Use>
decltype(auto) KeyIndex::with_retriever(Use&& use) const noexcept {
  if (search_ == Search::kPages) return use(pages_);
  return use(screen_);
}

Status KeyIndex::prepare(const AttentionProblem& problem, Search search) {
  if (search == Search::kExact) return Status::fail(ErrorCode::kUnsupported, "an exact scan has no index");
  search_ = search;
  shape_ = problem.shape;
  if (norms_.prepare(problem) && with_retriever([&](auto& retriever) { return retriever.prepare(problem); })) return {};
  return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the index of the keys");
}

void KeyIndex::build(const AttentionProblem& problem, std::size_t unit) noexcept {
  norms_.build(problem, unit);
  with_retriever([&](auto& retriever) { retriever.build(problem, unit); });
}

bool KeyIndex::fits(const AttentionShape& shape) const noexcept {
  return shape.batch == shape_.batch && shape.keys == shape_.keys && shape.kv_heads == shape_.kv_heads &&
         shape.head_dim == shape_.head_dim && shape.layout == shape_.layout;
}

std::size_t KeyIndex::scratch_bytes(const AttentionProblem& problem, std::size_t most_kept) const noexcept {
  return with_retriever([&](const auto& retriever) { return retriever.scratch_bytes(problem, most_kept); });
}

void KeyIndex::retrieve(const AttentionProblem& problem, const QueryRows& rows, std::size_t most_kept,
                        RetrievedRow* found, std::byte* scratch) const noexcept {
  with_retriever([&](const auto& retriever) { retriever.retrieve(problem, rows, most_kept, found, scratch); });
}

}  // namespace heed
