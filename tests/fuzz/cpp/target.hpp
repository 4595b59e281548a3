// What every native target is made of: bytes become choices, choices a call, and GoogleTest's assertions judge it.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace heed::fuzz {

using Bytes = FuzzedDataProvider;

/// 0 to n - 1; 0 once the bytes are used up.
inline std::size_t below(Bytes& bytes, std::size_t n) { return bytes.ConsumeIntegralInRange<std::size_t>(0, n - 1); }

/// What is said of an input that fails, beside the assertion.
inline std::string& note() {
  static std::string text;
  return text;
}

/// Runs one input. Assertions of the test support work outside a test too; a failed one ends the program, so that
/// libFuzzer writes the input down.
template <class Body>
int run_input(const std::uint8_t* data, std::size_t size, Body&& body) {
  ::testing::TestPartResultArray failures;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &failures);
    Bytes bytes(data, size);
    body(bytes);
  }
  for (int i = 0; i < failures.size(); ++i) {
    const ::testing::TestPartResult& failure = failures.GetTestPartResult(i);
    std::fprintf(stderr, "%s:%d: %s\n", failure.file_name(), failure.line_number(), failure.message());
  }
  if (failures.size() == 0) return 0;
  std::fprintf(stderr, "%s\n", note().c_str());
  std::abort();
}

}  // namespace heed::fuzz

/// The body of a target, `bytes` being its input.
#define HEED_FUZZ_TARGET                                                             \
  static void fuzz_target(heed::fuzz::Bytes& bytes);                                 \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size); \
  int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {           \
    return heed::fuzz::run_input(data, size, fuzz_target);                           \
  }                                                                                  \
  static void fuzz_target(heed::fuzz::Bytes& bytes)
