#include "parallel/task_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace heed {
namespace {

class Pools : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Pools, RunEveryUnitExactlyOnce) {
  TaskPool pool;
  ASSERT_TRUE(pool.start(GetParam()).ok());
  EXPECT_EQ(pool.threads(), GetParam());
  for (const std::size_t units : {0u, 1u, 2u, 3u, 7u, 1000u}) {
    std::vector<std::atomic<int>> runs(units + 20);
    std::atomic<bool> thread_in_range = true;
    pool.run({10, 10 + units}, [&](std::size_t unit, std::size_t thread) {
      runs[unit].fetch_add(1);
      if (thread >= pool.threads()) thread_in_range = false;
    });
    for (std::size_t i = 0; i < runs.size(); ++i) ASSERT_EQ(runs[i], i >= 10 && i < 10 + units ? 1 : 0) << i;
    EXPECT_TRUE(thread_in_range);
  }
}

// A round must see nothing of the one before: each unit adds to a plain number that only its own thread index touches.
TEST_P(Pools, RunManyRoundsInARow) {
  TaskPool pool;
  ASSERT_TRUE(pool.start(GetParam()).ok());
  std::vector<std::size_t> per_thread(GetParam(), 0);
  std::size_t expected = 0;
  for (std::size_t round = 0; round < 500; ++round) {
    const std::size_t units = round % 9;
    expected += units;
    pool.run({0, units}, [&](std::size_t, std::size_t thread) { ++per_thread[thread]; });
    std::size_t total = 0;
    for (const std::size_t each : per_thread) total += each;
    ASSERT_EQ(total, expected) << "round " << round;
  }
}

TEST_P(Pools, HandOutTheUnitsInOrder) {
  TaskPool pool;
  ASSERT_TRUE(pool.start(GetParam()).ok());
  std::vector<std::vector<std::size_t>> seen(GetParam());
  pool.run({0, 300}, [&](std::size_t unit, std::size_t thread) { seen[thread].push_back(unit); });
  for (const auto& units : seen)
    for (std::size_t i = 1; i < units.size(); ++i) ASSERT_LT(units[i - 1], units[i]);
}

INSTANTIATE_TEST_SUITE_P(Threads, Pools, ::testing::Values(1, 2, 5));

TEST(TaskPool, WorksBeforeStartAndAfterStop) {
  TaskPool pool;
  EXPECT_EQ(pool.threads(), 1u);
  int runs = 0;
  pool.run({0, 5}, [&](std::size_t, std::size_t) { ++runs; });
  EXPECT_EQ(runs, 5);
  ASSERT_TRUE(pool.start(3).ok());
  pool.stop();
  pool.stop();
  EXPECT_EQ(pool.threads(), 1u);
  pool.run({0, 5}, [&](std::size_t, std::size_t) { ++runs; });
  EXPECT_EQ(runs, 10);
}

TEST(TaskPool, CanBeStartedAgainWithAnotherNumber) {
  TaskPool pool;
  for (const std::size_t threads : {2u, 5u, 1u, 3u}) {
    ASSERT_TRUE(pool.start(threads).ok());
    EXPECT_EQ(pool.threads(), threads);
    std::atomic<int> runs = 0;
    pool.run({0, 50}, [&](std::size_t, std::size_t) { ++runs; });
    EXPECT_EQ(runs, 50);
  }
}

TEST(TaskPool, NoThreadsIsAnError) {
  TaskPool pool;
  const Status status = pool.start(0);
  EXPECT_EQ(status.code, ErrorCode::kInvalidArgument);
  EXPECT_NE(status.detail.find("threads is 0"), std::string::npos);
}

// Rounds follow each other before sleeping threads have woken, and after long pauses.
TEST(TaskPool, ThreadsThatWakeTooLateTouchNothingOfTheNextRound) {
  TaskPool pool;
  ASSERT_TRUE(pool.start(4).ok());
  for (std::size_t round = 0; round < 3000; ++round) {
    const std::size_t units = 2 + round % 3;
    std::vector<int> runs(units, 0);
    pool.run({0, units}, [&runs](std::size_t unit, std::size_t) { ++runs[unit]; });
    for (const int each : runs) ASSERT_EQ(each, 1) << "round " << round;
    if (round % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

// Two units that wait for each other can only end when two threads run them.
TEST(TaskPool, ThreadsWorkAtTheSameTime) {
  TaskPool pool;
  ASSERT_TRUE(pool.start(2).ok());
  std::atomic<int> arrived = 0;
  pool.run({0, 2}, [&](std::size_t, std::size_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

}  // namespace
}  // namespace heed
