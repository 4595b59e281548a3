// The pool of the builds with threads. serial_pool.cpp is the same class for those without.
#include "parallel/task_pool.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace heed {

struct TaskPool::Shared {
  std::mutex mutex;
  std::condition_variable wake, done;
  std::vector<std::thread> threads;
  // Written under the mutex, before a new round starts.
  std::uint64_t round = 0;
  Call call = nullptr;
  void* work = nullptr;
  std::size_t end = 0;
  std::size_t working = 0;
  bool stopping = false;
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
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [&] { return stopping || round != seen; });
      if (stopping) return;
      seen = round;
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
    shared_->working = shared_->threads.size();
    ++shared_->round;
  }
  shared_->wake.notify_all();
  shared_->drain(0);
  std::unique_lock lock(shared_->mutex);
  shared_->done.wait(lock, [&] { return shared_->working == 0; });
}

}  // namespace heed
