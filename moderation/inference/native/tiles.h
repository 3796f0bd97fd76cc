// AMX (Intel, "Architecture Instruction Set Extensions", chapter 3): eight tiles of 16 rows of 64 bytes, and products
// of two that are added to a third. As assembly: GCC 12's intrinsics do not tell the compiler that they read memory.
#pragma once
#include <cstdint>

#include "memory.h"

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

// A row's line in a matrix that is kept as tiles, `lines` of them side by side.
static inline char* line_of(char* tiles, unsigned lines, unsigned row, unsigned line) {
  return tiles + (static_cast<size_t>(row / ROWS) * lines + line) * TILE + row % ROWS * LINE;
}
