// Linear layers: rows of states, kept as tiles, times weights that were packed for it.
#pragma once
#include "machine.h"
#include "rows.h"

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
