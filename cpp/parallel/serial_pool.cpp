// The pool of the builds without threads: the caller does it all.
#include "parallel/task_pool.hpp"

namespace heed {

struct TaskPool::Shared {};

TaskPool::TaskPool() = default;
TaskPool::~TaskPool() = default;

Status TaskPool::start(std::size_t threads) {
  if (threads == 1) return {};
  return Status::fail(ErrorCode::kUnsupported,
                      "threads is " + std::to_string(threads) + "; this build has no threads, it must be 1");
}

void TaskPool::stop() {}
std::size_t TaskPool::threads() const noexcept { return 1; }

void TaskPool::run_erased(Range units, Call call, void* work) {
  for (std::size_t unit = units.begin; unit < units.end; ++unit) call(work, unit, 0);
}

}  // namespace heed
