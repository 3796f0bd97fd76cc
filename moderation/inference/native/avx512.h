// Products with the dot products of AVX-512 (BF16 and VNNI), for processors without AMX. Matrices lie in memory as for
// AMX, a tile being 16 rows of 64 bytes, and each sum adds up its products in the same order.
#pragma once
#include "weights.h"

constexpr int HEIGHT = 8;  // rows of a result that are computed at once: their sums for 32 columns fill 16 registers

static inline int prepare() { return 0; }

struct Tiles {
  Tiles() {}  // there is nothing to set up
};

// Adds products of a's pairs of bf16, or fours of unsigned bytes, with b's pairs, or fours of signed ones.
template <bool INT8>
static inline __m512i add_products(__m512i sum, __m512i a, __m512i b) {
  if (INT8) return _mm512_dpbusd_epi32(sum, a, b);
  return _mm512_castps_si512(_mm512_dpbf16_ps(_mm512_castsi512_ps(sum), (__m512bh)a, (__m512bh)b));
}

// Sums [8, 32] of 8 rows, `stride` bytes apart, with two columns of tiles: so many steps of 64 bytes of a row and of a
// tile, `next` bytes from one to the next.
template <bool INT8>
INLINED static inline void sum_block(const char* a, long stride, long next_a, const char* b0, const char* b1,
                                     long next_b, int steps, float* sums, long width) {
  __m512i found[HEIGHT][2];
  for (auto& pair : found) pair[0] = pair[1] = _mm512_setzero_si512();
  for (int step = 0; step < steps; step++, a += next_a, b0 += next_b, b1 += next_b)
#pragma GCC unroll 16
    for (int line = 0; line < ROWS; line++) {
      const __m512i low = _mm512_load_si512(b0 + line * LINE), high = _mm512_load_si512(b1 + line * LINE);
#pragma GCC unroll 8
      for (int row = 0; row < HEIGHT; row++) {
        int32_t few;
        std::memcpy(&few, a + row * stride + line * 4, 4);
        const __m512i same = _mm512_set1_epi32(few);
        found[row][0] = add_products<INT8>(found[row][0], same, low);
        found[row][1] = add_products<INT8>(found[row][1], same, high);
      }
    }
  for (int row = 0; row < HEIGHT; row++)
    for (int i = 0; i < 2; i++) _mm512_store_si512(sums + row * width + i * ROWS, found[row][i]);
}

template <bool INT8, class After>
static void sum_products(const char* states, const Weights& w, int rows, char*, After&& after) {
  alignas(LINE) float sums[HEIGHT * BLOCK];
  const size_t panel = static_cast<size_t>(w.steps) * TILE;
  for (int column = 0; column < w.columns; column += BLOCK) {
    const char* b = w.tiles.get() + column / ROWS * panel;
    for (int row = 0; row < rows; row += HEIGHT) {
      const char* a = states + row / ROWS * panel + row % ROWS * LINE;
      sum_block<INT8>(a, LINE, TILE, b, b + panel, TILE, w.steps, sums, BLOCK);
      for (int i = 0; i < HEIGHT; i++) after(row + i, column, sums + i * BLOCK);
    }
  }
}

static void score(const char* queries, long stride, int rows, const char* keys, int size, int wide, float* scores) {
  const int parts = size / 32;
  for (int key = 0; key < wide; key += CHUNK, keys += 2 * parts * TILE)
    for (int row = 0; row < rows; row += HEIGHT)
      sum_block<false>(queries + row * stride, stride, LINE, keys, keys + parts * TILE, TILE, parts,
                       scores + static_cast<size_t>(row) * wide + key, wide);
}

static void mix(const char* shares, int rows, const char* values, int size, int wide, float mixed[4][256],
                float* sums) {
  const long stride = wide * 2, next = size / ROWS * TILE;
  for (int row = 0; row < rows; row += HEIGHT)
    for (int part = 0; part < size / ROWS; part += 2) {
      const char* from = values + part * TILE;
      alignas(LINE) float both[HEIGHT * BLOCK];
      sum_block<false>(shares + row * stride, stride, LINE, from, from + TILE, next, wide / CHUNK, both, BLOCK);
      for (int i = 0; i < HEIGHT; i++)
        for (int half = 0; half < 2; half++)
          _mm512_store_ps(mixed[part + half] + (row + i) * ROWS, _mm512_load_ps(both + i * BLOCK + half * ROWS));
    }
  const __m512i ones = _mm512_set1_epi16(0x3f80);
  for (int row = 0; row < rows; row++) {
    __m512i sum = _mm512_setzero_si512();
    for (int key = 0; key < wide; key += CHUNK)
      sum = add_products<false>(sum, _mm512_load_si512(shares + row * stride + key * 2), ones);
    _mm512_store_ps(sums + row * ROWS, _mm512_set1_ps(_mm512_reduce_add_ps(_mm512_castsi512_ps(sum))));
  }
}
