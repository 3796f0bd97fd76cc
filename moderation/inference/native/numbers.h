// Sixteen or 32 numbers at once: bf16 and back, GELU, powers of two, a transposition.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "memory.h"

using bf16 = uint16_t;

// The nearest bf16 of a number, to even where two are as near.
static inline bf16 half(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static inline __m512i halves(__m512 low, __m512 high) { return (__m512i)_mm512_cvtne2ps_pbh(high, low); }

static inline __m512 whole(__m256i halves) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

// x * Phi(x). Phi(x) - 1/2 is an odd polynomial up to 4, fitted so that GELU is off by at most 1.9e-4 (least squares,
// reweighted until the largest errors were equal), and 1/2 from there on: bf16 is off by more from 0.1 on. A term more
// would be a tenth of what this costs, and no probability would be nearer.
static inline __m512 gelu(__m512 x) {
  static const float terms[] = {2.2588062750166435e-08f, -1.5888190509184986e-06f, 4.7763711437725975e-05f,
                                -0.0008121856069212823f, 0.008763680947923246f,    -0.0645543873655096f,
                                0.3978702457013848f};
  const __m512 near = _mm512_range_ps(x, _mm512_set1_ps(4.0f), 2);  // the smaller by size, with the sign of x
  const __m512 square = _mm512_mul_ps(near, near);
  __m512 sum = _mm512_set1_ps(terms[0]);
  for (int i = 1; i < 7; i++) sum = _mm512_fmadd_ps(sum, square, _mm512_set1_ps(terms[i]));
  return _mm512_mul_ps(x, _mm512_fmadd_ps(near, sum, _mm512_set1_ps(0.5f)));
}

// 2^x to within 7.5e-5 of its size, a thirtieth of what bf16 keeps; 0 where the mask is.
static inline __m512 power_of_two(__m512 x, __mmask16 mask) {
  const __m512 whole = _mm512_roundscale_ps(x, 0), part = _mm512_sub_ps(x, whole);
  __m512 sum = _mm512_set1_ps(0.055171646408168816f);
  for (float term : {0.24261114134990994f, 0.6932609914553217f, 0.9999280725237885f})
    sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(term));
  return _mm512_maskz_scalef_ps(mask, sum, whole);
}

// The first `rows` of 16 rows, `stride` bytes apart, of 16 numbers of 32 bits, to a tile with rows and columns swapped;
// other rows are taken for zeros and not read.
static inline void transpose(const char* from, long stride, int rows, char* tile) {
  __m512i a[16], b[16];
  for (int i = 0; i < 16; i++) a[i] = i < rows ? _mm512_loadu_si512(from + i * stride) : _mm512_setzero_si512();
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 2; j++) {
      a[i + 2 * j] = _mm512_unpacklo_epi64(b[i + j], b[i + j + 2]);
      a[i + 2 * j + 1] = _mm512_unpackhi_epi64(b[i + j], b[i + j + 2]);
    }
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 16; j += 8) {
      b[i + j] = _mm512_shuffle_i32x4(a[i + j], a[i + j + 4], 0x88);
      b[i + j + 4] = _mm512_shuffle_i32x4(a[i + j], a[i + j + 4], 0xdd);
    }
  for (int i = 0; i < 8; i++) {
    _mm512_store_si512(tile + i * LINE, _mm512_shuffle_i32x4(b[i], b[i + 8], 0x88));
    _mm512_store_si512(tile + (i + 8) * LINE, _mm512_shuffle_i32x4(b[i], b[i + 8], 0xdd));
  }
}
