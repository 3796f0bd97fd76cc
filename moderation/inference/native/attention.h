// Attention within one sequence (Vaswani et al., "Attention is all you need", 2017), head by head.
#pragma once
#include <algorithm>
#include <cmath>

#include "machine.h"

struct Attention {
  Buffer<char> keys, values, shares;
  Buffer<float> scores;
};

static inline __mmask16 first_of(int count) { return count >= 16 ? 0xffff : count <= 0 ? 0 : (1u << count) - 1; }

// Keys, as the scores' product wants them: of each 16 the numbers, in pairs, one below the other. What is behind the
// last one belongs to another sequence and is not read.
static void pack_keys(const char* keys, long stride, int length, int size, char* tiles) {
  for (int key = 0; key < (length + CHUNK - 1) / CHUNK * CHUNK; key += ROWS)
    for (int part = 0; part < size / 32; part++, tiles += TILE)
      transpose(keys + key * stride + part * LINE, stride, std::clamp(length - key, 0, ROWS), tiles);
}

// Values, as the mixing product wants them: two keys' numbers woven together; beyond the last key zeros.
static void pack_values(const char* values, long stride, int length, int size, char* tiles) {
  const __m512i weave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  for (int key = 0; key < (length + CHUNK - 1) / CHUNK * CHUNK; key += 2) {
    char* line = tiles + static_cast<size_t>(key / CHUNK) * (size / ROWS) * TILE + key % CHUNK / 2 * LINE;
    for (int part = 0; part < size / ROWS; part++) {
      __m256i pair[2];
      for (int i = 0; i < 2; i++) {
        const char* from = values + (key + i) * stride + part * ROWS * 2;
        pair[i] = _mm256_setzero_si256();
        if (key + i < length) pair[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
      }
      const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(pair[0]), pair[1], 1);
      _mm512_store_si512(line + part * TILE, _mm512_permutexvar_epi16(weave, both));
    }
  }
}

// A query's shares [wide] in bf16, not yet divided by their sum: powers of two of what scores are below the highest.
static void weigh(const float* scores, int length, int wide, char* shares) {
  const int last = wide - CHUNK;
  const __mmask16 low = first_of(length - last), high = first_of(length - last - ROWS);
  __m512 top = _mm512_set1_ps(-INFINITY);
  for (int key = 0; key < last; key += ROWS) top = _mm512_max_ps(top, _mm512_load_ps(scores + key));
  top = _mm512_mask_max_ps(top, low, top, _mm512_load_ps(scores + last));
  top = _mm512_mask_max_ps(top, high, top, _mm512_load_ps(scores + last + ROWS));
  top = _mm512_max_ps(top, _mm512_shuffle_f32x4(top, top, 0x4e));
  top = _mm512_max_ps(top, _mm512_shuffle_f32x4(top, top, 0xb1));
  top = _mm512_max_ps(top, _mm512_permute_ps(top, 0x4e));
  top = _mm512_max_ps(top, _mm512_permute_ps(top, 0xb1));
  for (int key = 0; key < wide; key += CHUNK) {
    const __m512 one = _mm512_sub_ps(_mm512_load_ps(scores + key), top);
    const __m512 two = _mm512_sub_ps(_mm512_load_ps(scores + key + ROWS), top);
    const bool end = key == last;
    _mm512_store_si512(shares + key * 2,
                       halves(power_of_two(one, end ? low : 0xffff), power_of_two(two, end ? high : 0xffff)));
  }
}

// Attention of the sequence of `length` tokens from token `first` on: `inputs` has for each token its queries, keys and
// values in bf16, scores in units of log2; what comes out of it goes to the tiles `outputs`.
static void attend(const bf16* inputs, int hidden, int heads, int first, int length, char* outputs, Attention& a) {
  const int size = hidden / heads, wide = (length + CHUNK - 1) / CHUNK * CHUNK;
  const long stride = 3L * hidden * sizeof(bf16);
  char* keys = a.keys.need(static_cast<size_t>(wide) * size * sizeof(bf16));
  char* values = a.values.need(static_cast<size_t>(wide) * size * sizeof(bf16));
  char* shares = a.shares.need(static_cast<size_t>(ROWS) * wide * sizeof(bf16));
  float* scores = a.scores.need(static_cast<size_t>(ROWS) * wide);
  alignas(LINE) float mixed[4][256], sums[256];
  for (int head = 0; head < heads; head++) {
    const char* queries = reinterpret_cast<const char*>(inputs + static_cast<size_t>(first) * 3 * hidden + head * size);
    pack_keys(queries + 2 * hidden, stride, length, size, keys);
    pack_values(queries + 4 * hidden, stride, length, size, values);
    for (int query = 0; query < length; query += ROWS) {
      const int rows = std::min(ROWS, length - query);  // queries behind the last are another's; nobody reads theirs
      score(queries + query * stride, stride, rows, keys, size, wide, scores);
      for (int row = 0; row < rows; row++)
        weigh(scores + static_cast<size_t>(row) * wide, length, wide, shares + static_cast<size_t>(row) * wide * 2);
      mix(shares, rows, values, size, wide, mixed, sums);
      for (int row = 0; row < rows; row++) {
        const __m512 share = _mm512_div_ps(_mm512_set1_ps(1), _mm512_load_ps(sums + row * ROWS));
        for (int part = 0; part < size / ROWS; part += 2)
          _mm512_store_si512(line_of(outputs, hidden / 32, first + query + row, (head * size + part * ROWS) / 32),
                             halves(_mm512_mul_ps(_mm512_load_ps(mixed[part] + row * ROWS), share),
                                    _mm512_mul_ps(_mm512_load_ps(mixed[part + 1] + row * ROWS), share)));
      }
    }
  }
}
