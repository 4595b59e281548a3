// The seed of every random test. It is fixed, so that a run can be repeated; HEED_TEST_SEED tries another one. A test
// that fails prints it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace heed::test {

inline std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* text = std::getenv("HEED_TEST_SEED");
    return text == nullptr ? std::uint64_t{20240402} : std::uint64_t{std::strtoull(text, nullptr, 10)};
  }();
  return chosen;
}

class SeedPrinter : public ::testing::EmptyTestEventListener {
  void OnTestEnd(const ::testing::TestInfo& info) override {
    if (info.result()->Failed()) std::printf("seed: HEED_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed()));
  }
};

inline const bool seed_printer_listens = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new SeedPrinter);
  return true;
}();

}  // namespace heed::test
