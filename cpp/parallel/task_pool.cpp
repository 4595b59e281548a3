// The pool of the builds with threads. serial_pool.cpp is the same class for those without.
#include "parallel/task_pool.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace heed {

namespace {

// Looks before a thread goes to sleep, some 20 to 50 us. One token of a language model is 50 short rounds; waking a
// thread for each takes longer than the second thread gains.
constexpr int kLooks = 1 << 14;

template <class Ready>
void look_for(Ready ready) {
  for (int i = 0; i < kLooks && !ready(); ++i) {
  }
}

}  // namespace

// A round is open until the caller finds no unit left. Only threads that join while it is open are waited for, so that
// a round that is over before they have woken does not last as long as their waking.
struct TaskPool::Shared {
  std::mutex mutex;
  std::condition_variable wake, done;
  std::vector<std::thread> threads;
  // Written under the mutex; atomic for those who look without it.
  std::atomic<std::uint64_t> round{0};
  std::atomic<std::size_t> working{0};
  std::atomic<bool> stopping{false};
  // Under the mutex, before a new round starts.
  bool open = false;
  Call call = nullptr;
  void* work = nullptr;
  std::size_t end = 0;
  std::atomic<std::size_t> next{0};

  void drain(std::size_t thread) {
    for (;;) {
      const std::size_t unit = next.fetch_add(1, std::memory_order_relaxed);
      if (unit >= end) return;
      call(work, unit, thread);
    }
  }

  void live(std::size_t thread) {
    std::uint64_t seen = 0;
    const auto awaited = [&] { return stopping || round != seen; };
    for (;;) {
      look_for(awaited);
      std::unique_lock lock(mutex);
      wake.wait(lock, awaited);
      if (stopping) return;
      seen = round;
      if (!open) continue;
      ++working;
      lock.unlock();
      drain(thread);
      lock.lock();
      if (--working == 0) done.notify_one();
    }
  }
};

TaskPool::TaskPool() : shared_(std::make_unique<Shared>()) {}
TaskPool::~TaskPool() { stop(); }

Status TaskPool::start(std::size_t threads) {
  stop();
  if (threads == 0) return Status::fail(ErrorCode::kInvalidArgument, "threads is 0; it must be at least 1");
  shared_->stopping = false;
  shared_->round = 0;
  for (std::size_t i = 1; i < threads; ++i) shared_->threads.emplace_back([this, i] { shared_->live(i); });
  return {};
}

void TaskPool::stop() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->wake.notify_all();
  for (std::thread& thread : shared_->threads) thread.join();
  shared_->threads.clear();
}

std::size_t TaskPool::threads() const noexcept { return shared_->threads.size() + 1; }

void TaskPool::run_erased(Range units, Call call, void* work) {
  if (units.size() <= 1 || shared_->threads.empty()) {
    for (std::size_t unit = units.begin; unit < units.end; ++unit) call(work, unit, 0);
    return;
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->call = call;
    shared_->work = work;
    shared_->end = units.end;
    shared_->next.store(units.begin, std::memory_order_relaxed);
    shared_->open = true;
    ++shared_->round;
  }
  shared_->wake.notify_all();
  shared_->drain(0);
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->open = false;
  }
  const auto over = [&] { return shared_->working == 0; };
  look_for(over);
  std::unique_lock lock(shared_->mutex);
  shared_->done.wait(lock, over);
}

}  // namespace heed
