// Sorting in a tenth of the code: std::sort is 4 KB of WebAssembly for every kind of element and order, heap sort half
// a kilobyte. Twice as slow, for lists that are short or sorted once a call. Not stable.
#pragma once

#include <algorithm>

namespace heed {

template <class T, class Before>
void heap_sort(T* first, T* last, Before before) noexcept {
  std::make_heap(first, last, before);
  std::sort_heap(first, last, before);
}

}  // namespace heed
