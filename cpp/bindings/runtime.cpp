#include "bindings/runtime.hpp"

namespace heed::bindings {

TaskPool& pool() {
  // Never destroyed: the module goes away with its memory, and a page has no moment at which destructors could run.
  static TaskPool* const instance = new TaskPool;
  return *instance;
}

}  // namespace heed::bindings
