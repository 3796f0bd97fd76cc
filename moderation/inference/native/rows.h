// What is done with the state of one token: normalisation, and int8 with a scale of its own.
#pragma once
#include <cmath>

#include "numbers.h"

struct Norm {
  Buffer<float> weight, bias;
};

// Bytes have a grid for each row, from its least number to its largest: a number is (byte - zero) * step. Numbers are
// eased first, a large channel made smaller, and its weights larger, for all (Xiao et al., "SmoothQuant", 2023); `seen`
// collects how large channels get.
struct Grid {
  float step, zero;
};

struct Ease {
  Buffer<float> factors;
  float* seen = nullptr;
};

// The least and the largest of each sixteenth of a row's numbers; 0 is always among them.
struct Range {
  __m512 least = _mm512_setzero_ps(), most = _mm512_setzero_ps();

  void take(__m512 numbers) { least = _mm512_min_ps(least, numbers), most = _mm512_max_ps(most, numbers); }
  Grid grid() const {
    const float low = _mm512_reduce_min_ps(least), step = (_mm512_reduce_max_ps(most) - low) / 255;
    return step > 0 ? Grid{step, std::nearbyint(-low / step)} : Grid{1, 0};
  }
};

static inline void see(float* seen, int at, __m512 low, __m512 high) {
  for (const __m512 part : {low, high}) {
    _mm512_storeu_ps(seen + at, _mm512_max_ps(_mm512_loadu_ps(seen + at), _mm512_abs_ps(part)));
    at += ROWS;
  }
}

static inline __m128i on_grid(__m512 numbers, __m512 inverse, __m512 zero) {
  const __m512i places = _mm512_cvtps_epi32(_mm512_fmadd_ps(numbers, inverse, zero));
  return _mm512_cvtusepi32_epi8(_mm512_max_epi32(places, _mm512_setzero_si512()));
}

// Normalises a row in place (Ba et al., "Layer Normalization", 2016), and writes it as bf16 to `states` and, where
// `narrow` is given, as bytes there, with its grid; where it is `watched`, notes how large its channels are.
static void normalise(float* x, int hidden, const Norm& norm, float eps, const Ease& ease, bool watched, char* states,
                      char* narrow, Grid* grids, int row) {
  __m512 sum = _mm512_setzero_ps(), squares = sum;
  Range range;
  for (int i = 0; i < hidden; i += ROWS) sum = _mm512_add_ps(sum, _mm512_load_ps(x + i));
  const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / hidden);
  for (int i = 0; i < hidden; i += ROWS) {
    const __m512 apart = _mm512_sub_ps(_mm512_load_ps(x + i), mean);
    squares = _mm512_fmadd_ps(apart, apart, squares);
  }
  const __m512 inverse = _mm512_set1_ps(1 / std::sqrt(_mm512_reduce_add_ps(squares) / hidden + eps));
  const float *weight = norm.weight.get(), *bias = norm.bias.get(), *factors = ease.factors.get();
  for (int i = 0; i < hidden; i += 2 * ROWS) {
    __m512 part[2];
    for (int j = 0, at = i; j < 2; j++, at += ROWS) {
      part[j] = _mm512_mul_ps(_mm512_sub_ps(_mm512_load_ps(x + at), mean), inverse);
      part[j] = _mm512_fmadd_ps(part[j], _mm512_load_ps(weight + at), _mm512_load_ps(bias + at));
      _mm512_store_ps(x + at, part[j]);
      if (narrow) range.take(_mm512_mul_ps(part[j], _mm512_load_ps(factors + at)));
    }
    _mm512_store_si512(line_of(states, hidden / 32, row, i / 32), halves(part[0], part[1]));
    if (watched) see(ease.seen, i, part[0], part[1]);
  }
  if (!narrow) return;
  grids[row] = range.grid();
  const __m512 steps = _mm512_set1_ps(1 / grids[row].step), zero = _mm512_set1_ps(grids[row].zero);
  for (int i = 0; i < hidden; i += ROWS) {
    char* to = line_of(narrow, hidden / LINE, row, i / LINE) + i % LINE;
    _mm_store_si128(reinterpret_cast<__m128i*>(to),
                    on_grid(_mm512_mul_ps(_mm512_load_ps(x + i), _mm512_load_ps(factors + i)), steps, zero));
  }
}

// A row of `columns` numbers, bf16 in tiles, as bytes.
static void narrow_row(char* states, int columns, const Range& range, char* narrow, Grid* grids, int row) {
  grids[row] = range.grid();
  const __m512 steps = _mm512_set1_ps(1 / grids[row].step), zero = _mm512_set1_ps(grids[row].zero);
  for (int i = 0; i < columns; i += ROWS) {
    const char* from = line_of(states, columns / 32, row, i / 32) + i % 32 * 2;
    char* to = line_of(narrow, columns / LINE, row, i / LINE) + i % LINE;
    _mm_store_si128(reinterpret_cast<__m128i*>(to),
                    on_grid(whole(_mm256_load_si256(reinterpret_cast<const __m256i*>(from))), steps, zero));
  }
}
