// Linear layers: rows of states, kept as tiles, times weights that were packed for it.
#pragma once
#include <algorithm>
#include <cmath>

#include "rows.h"
#include "tiles.h"

constexpr int BLOCK = 32;  // rows and columns of the result that are computed at once: two tiles by two
constexpr int PART = 48;   // tiles of the inner size at once: a block of weights stays in a core's second cache

#define INLINED __attribute__((always_inline))  // a call between two products costs as much as what it does

struct Weights {
  int columns = 0, inner = 0, steps = 0;  // columns is filled up to blocks; steps are the tiles of the inner size
  bool int8 = false;
  Buffer<char> tiles;
  Buffer<float> bias, scale, sums;  // of int8: what a number of its grid is worth, and the sum of an output's numbers

  // Packs weights [outputs, inputs]. int8 has a scale for each output, its largest weight being 127.
  void pack(const float* weight, const float* biases, int outputs, int inputs, bool narrow) {
    const int each = narrow ? 4 : 2, wide = LINE * each / 4;
    columns = (outputs + BLOCK - 1) / BLOCK * BLOCK, inner = inputs, steps = inputs / wide, int8 = narrow;
    tiles.need(static_cast<size_t>(columns / ROWS) * steps * TILE);
    bias.need(columns), scale.need(columns), sums.need(columns);
    for (int n = 0; n < outputs; n++) {
      const float* row = weight + static_cast<size_t>(n) * inputs;
      float top = 0;
      for (int k = 0; k < inputs; k++) top = std::max(top, std::fabs(row[k]));
      scale.get()[n] = top > 0 ? top / 127 : 1, bias.get()[n] = biases[n];
      for (int k = 0; k < inputs; k++) {
        char* tile = tiles.get() + (static_cast<size_t>(n / ROWS) * steps + k / wide) * TILE + k % wide / each * LINE;
        const int place = n % ROWS * each + k % each;
        if (narrow) {
          const long number = std::lrint(row[k] / scale.get()[n]);
          reinterpret_cast<int8_t*>(tile)[place] = static_cast<int8_t>(number);
          sums.get()[n] += number;
        } else {
          reinterpret_cast<bf16*>(tile)[place] = half(row[k]);
        }
      }
    }
  }
};

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

// The layer's outputs, 32 of a row at a time, to `out(row, column, low, high)`: from `states` in bf16, or where the
// weights are int8 from the bytes `narrow` and each row's grid.
template <class Out>
static void linear(const Weights& w, const char* states, const char* narrow, const Grid* grids, int rows,
                   char* partial, Out&& out) {
  if (w.int8)
    sum_products<true>(narrow, w, rows, partial, [&](int row, int column, const float* sums) INLINED {
      const __m512 step = _mm512_set1_ps(grids[row].step), zero = _mm512_set1_ps(grids[row].zero);
      __m512 found[2];
      for (int i = 0; i < 2; i++) {
        const int at = column + i * ROWS;
        const __m512 raw = _mm512_cvtepi32_ps(_mm512_load_si512(sums + i * ROWS));
        const __m512 sum = _mm512_fnmadd_ps(zero, _mm512_load_ps(w.sums.get() + at), raw);
        found[i] = _mm512_fmadd_ps(sum, _mm512_mul_ps(step, _mm512_load_ps(w.scale.get() + at)),
                                   _mm512_load_ps(w.bias.get() + at));
      }
      out(row, column, found[0], found[1]);
    });
  else
    sum_products<false>(states, w, rows, partial, [&](int row, int column, const float* sums) INLINED {
      const float* bias = w.bias.get() + column;
      out(row, column, _mm512_add_ps(_mm512_load_ps(sums), _mm512_load_ps(bias)),
          _mm512_add_ps(_mm512_load_ps(sums + ROWS), _mm512_load_ps(bias + ROWS)));
    });
}
