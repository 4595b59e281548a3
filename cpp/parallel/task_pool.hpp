// A fixed set of threads that waits for work, made once. The calling thread always works too, so a pool of one has no
// other threads and is what the builds without threads have.
//
// Work is cut by the problem, never by the number of threads: unit i does the same arithmetic whoever runs it, and so
// every number of threads gives the same bits. Units are handed out one at a time, in order.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include "base/status.hpp"
#include "base/view.hpp"

namespace heed {

class TaskPool {
 public:
  TaskPool();
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  /// `threads` in all, the caller included. Replaces the threads there were. kUnsupported without threads in the build.
  Status start(std::size_t threads);
  void stop();
  std::size_t threads() const noexcept;

  /// work(unit, thread) for every unit of `units`; thread < threads() names the scratch to use. Returns when all are
  /// done. `work` must not throw and must not call run().
  template <class Work>
  void run(Range units, Work&& work) {
    using Plain = std::remove_reference_t<Work>;
    run_erased(
        units, [](void* w, std::size_t unit, std::size_t thread) { (*static_cast<Plain*>(w))(unit, thread); },
        const_cast<void*>(static_cast<const void*>(&work)));
  }

 private:
  using Call = void (*)(void* work, std::size_t unit, std::size_t thread);
  void run_erased(Range units, Call call, void* work);

  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace heed
