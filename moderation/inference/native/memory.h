// Memory for tiles: aligned to cache lines, zeroed, and grown but never shrunk; and how a matrix lies in it.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

constexpr int LINE = 64;    // bytes of a cache line, and of a row of a tile
constexpr int ROWS = 16;    // rows of a tile
constexpr int TILE = 1024;  // bytes of a tile

struct Free {
  void operator()(void* pointer) const { std::free(pointer); }
};

template <class T>
class Buffer {
 public:
  // Room for `count` items; what was there is gone where it grows. Throws std::bad_alloc.
  T* need(size_t count) {
    if (count > size_) {
      const size_t bytes = (count * sizeof(T) + LINE - 1) / LINE * LINE;
      T* fresh = static_cast<T*>(std::aligned_alloc(LINE, bytes));
      if (!fresh) throw std::bad_alloc();
      std::memset(static_cast<void*>(fresh), 0, bytes);
      data_.reset(fresh);
      size_ = count;
    }
    return data_.get();
  }
  void copy(const T* from, size_t count) { std::memcpy(need(count), from, count * sizeof(T)); }
  T* get() const { return data_.get(); }

 private:
  std::unique_ptr<T, Free> data_;
  size_t size_ = 0;
};

// A row's line in a matrix that is kept as tiles, `lines` of them side by side.
static inline char* line_of(char* tiles, unsigned lines, unsigned row, unsigned line) {
  return tiles + (static_cast<size_t>(row / ROWS) * lines + line) * TILE + row % ROWS * LINE;
}
