// Products with AMX (Intel, "Architecture Instruction Set Extensions", chapter 3): eight tiles of 16 rows of 64 bytes,
// and products of two that are added to a third. As assembly: GCC 12's intrinsics do not tell the compiler that they
// read memory.
#pragma once
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "weights.h"

constexpr int PART = 48;  // tiles of the inner size at once: a block of weights stays in a core's second cache

// Asks Linux to let this process use tiles, once; 0 where it does (arch_prctl(2), ARCH_REQ_XCOMP_PERM of XTILEDATA).
static inline int prepare() { return static_cast<int>(syscall(SYS_arch_prctl, 0x1023, 18)); }

struct alignas(LINE) TileConfig {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t bytes[16] = {};
  uint8_t rows[16] = {};
};

// The tiles of a thread, from here to where this goes out of scope.
struct Tiles {
  Tiles() {
    TileConfig config;
    for (int tile = 0; tile < 8; tile++) config.bytes[tile] = LINE, config.rows[tile] = ROWS;
    asm volatile("ldtilecfg %0" ::"m"(config));
  }
  ~Tiles() { asm volatile("tilerelease"); }
};

template <int TO>
static inline void tile_zero() {
  asm volatile("tilezero %%tmm%c0" ::"i"(TO));
}

template <int TO>
static inline void tile_load(const void* from, long stride) {
  asm volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(TO), "r"(from), "r"(stride) : "memory");
}

template <int FROM>
static inline void tile_store(void* to, long stride) {
  asm volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(FROM), "r"(to), "r"(stride) : "memory");
}

// Adds a times b to c: pairs of a's bf16, or fours of its unsigned bytes, with b's pairs or signed bytes, which it has
// one below the other.
template <bool INT8, int C, int A, int B>
static inline void tile_product() {
  if (INT8)
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
  else
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
}

// Every row's 32 sums of every block of columns, for a multiple of 16 rows, to `after(row, column, sums)`. It is called
// while the tiles are busy with the next block, which hides most of what it does. `partial` is room for the sums of all
// rows of a block.
template <bool INT8, class After>
static void sum_products(const char* states, const Weights& w, int rows, char* partial, After&& after) {
  alignas(LINE) float sums[2][BLOCK * BLOCK];
  const int parts = (w.steps + PART - 1) / PART, part = (w.steps + parts - 1) / parts;
  const size_t panel = static_cast<size_t>(w.steps) * TILE;
  int ready_row = 0, ready_rows = 0, ready_column = 0, turn = 0;  // the block that `after` is to have
  auto hand_over = [&](int from, int to) INLINED {
    for (int i = from; i < to; i++) after(ready_row + i, ready_column, sums[turn ^ 1] + i * BLOCK);
  };
  for (int column = 0; column < w.columns; column += BLOCK)
    for (int first = 0; first < w.steps; first += part) {
      const char *b0 = w.tiles.get() + column / ROWS * panel, *b1 = b0 + panel;
      const int end = std::min(w.steps, first + part), share = BLOCK / (end - first) + 1;
      // The weights of the part after this one are fetched meanwhile, some lines at each step: they come from afar.
      const bool same = end < w.steps;
      const char* ahead[2] = {same ? b0 + static_cast<size_t>(end) * TILE : b0 + 2 * panel,
                              same ? b1 + static_cast<size_t>(end) * TILE : b1 + 2 * panel};
      const int lines = (same ? std::min(w.steps - end, part) : column + BLOCK < w.columns ? part : 0) * (TILE / LINE);
      const int fetch = (lines * BLOCK + rows * (end - first) - 1) / (rows * (end - first));
      int fetched = 0;
      for (int row = 0; row < rows; row += BLOCK) {
        const char *a0 = states + row / ROWS * panel, *a1 = a0 + panel;
        char* kept = partial + static_cast<size_t>(row / BLOCK) * 4 * TILE;
        const bool whole = row + BLOCK <= rows;  // else the lower two tiles are left as they are
        if (first == 0) {
          tile_zero<0>(), tile_zero<1>(), tile_zero<2>(), tile_zero<3>();
        } else {
          tile_load<0>(kept, LINE), tile_load<1>(kept + TILE, LINE);
          tile_load<2>(kept + 2 * TILE, LINE), tile_load<3>(kept + 3 * TILE, LINE);
        }
        int handed = 0;
        for (int step = first; step < end; step++) {
          const size_t at = static_cast<size_t>(step) * TILE;
          tile_load<6>(b0 + at, LINE), tile_load<4>(a0 + at, LINE);
          tile_load<7>(b1 + at, LINE);
          tile_product<INT8, 0, 4, 6>(), tile_product<INT8, 1, 4, 7>();
          if (whole) {
            tile_load<5>(a1 + at, LINE);
            tile_product<INT8, 2, 5, 6>(), tile_product<INT8, 3, 5, 7>();
          }
          for (const int stop = std::min(lines, fetched + fetch); fetched < stop; fetched++)
            for (const char* panel_ahead : ahead) _mm_prefetch(panel_ahead + fetched * LINE, _MM_HINT_T1);
          const int next = std::min(ready_rows, handed + share);
          hand_over(handed, next);
          handed = next;
        }
        ready_rows = 0;
        if (end < w.steps) {
          tile_store<0>(kept, LINE), tile_store<1>(kept + TILE, LINE);
          tile_store<2>(kept + 2 * TILE, LINE), tile_store<3>(kept + 3 * TILE, LINE);
        } else {
          float* to = sums[turn];
          tile_store<0>(to, 2 * LINE), tile_store<1>(to + ROWS, 2 * LINE);
          tile_store<2>(to + ROWS * BLOCK, 2 * LINE), tile_store<3>(to + ROWS * BLOCK + ROWS, 2 * LINE);
          ready_row = row, ready_rows = std::min(BLOCK, rows - row), ready_column = column, turn ^= 1;
        }
      }
    }
  hand_over(0, ready_rows);
}

// The scores [16, wide] of 16 queries, or the first `rows` of them, with all keys.
static void score(const char* queries, long stride, int, const char* keys, int size, int wide, float* scores) {
  const int parts = size / 32;
  tile_load<4>(queries, stride);
  if (parts > 1) tile_load<5>(queries + LINE, stride);
  for (int key = 0; key < wide; key += CHUNK, keys += 2 * parts * TILE) {
    tile_zero<0>(), tile_zero<1>();
    tile_load<6>(keys, LINE);
    tile_product<false, 0, 4, 6>();
    tile_load<7>(keys + parts * TILE, LINE);
    tile_product<false, 1, 4, 7>();
    if (parts > 1) {
      tile_load<6>(keys + TILE, LINE);
      tile_product<false, 0, 5, 6>();
      tile_load<7>(keys + 3 * TILE, LINE);
      tile_product<false, 1, 5, 7>();
    }
    tile_store<0>(scores + key, wide * 4), tile_store<1>(scores + key + ROWS, wide * 4);
  }
}

// The values of all keys [16, size] in 16 queries' shares to `mixed`, and the shares' sums, as the same product with
// ones finds them, to each column of `sums`.
static void mix(const char* shares, int, const char* values, int size, int wide, float mixed[4][256], float* sums) {
  alignas(LINE) static const uint32_t ones[16] = {
      0x3f803f80, 0x3f803f80, 0x3f803f80, 0x3f803f80, 0x3f803f80, 0x3f803f80, 0x3f803f80, 0x3f803f80,
      0x3f803f80, 0x3f803f80, 0x3f803f80, 0x3f803f80, 0x3f803f80, 0x3f803f80, 0x3f803f80, 0x3f803f80};
  tile_load<7>(ones, 0);
  tile_zero<2>();
  for (int part = 0; part < size / ROWS; part += 2) {
    tile_zero<0>(), tile_zero<1>();
    for (int key = 0; key < wide; key += CHUNK) {
      const char* from = values + (static_cast<size_t>(key / CHUNK) * (size / ROWS) + part) * TILE;
      tile_load<4>(shares + key * 2, wide * 2), tile_load<5>(from, LINE), tile_load<6>(from + TILE, LINE);
      tile_product<false, 0, 4, 5>(), tile_product<false, 1, 4, 6>();
      if (part == 0) tile_product<false, 2, 4, 7>();
    }
    tile_store<0>(mixed[part], LINE), tile_store<1>(mixed[part + 1], LINE);
  }
  tile_store<2>(sums, LINE);
}
