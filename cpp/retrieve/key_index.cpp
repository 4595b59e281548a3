#include "retrieve/key_index.hpp"

namespace heed {

Status KeyIndex::prepare(const AttentionProblem& problem, Search search, std::uint64_t seed) {
  if (search == Search::kExact) return Status::fail(ErrorCode::kUnsupported, "an exact scan has no index");
  search_ = search;
  shape_ = problem.shape;
  hashes_.seed(seed);
  if (norms_.prepare(problem) && with_retriever([&](auto& retriever) { return retriever.prepare(problem); })) return {};
  return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the index of the keys");
}

void KeyIndex::build(const AttentionProblem& problem, std::size_t unit) noexcept {
  norms_.build(problem, unit);
  with_retriever([&](auto& retriever) { retriever.build(problem, unit); });
}

bool KeyIndex::exact() const noexcept {
  return with_retriever([](const auto& retriever) { return std::remove_cvref_t<decltype(retriever)>::kExact; });
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
