// Weights, packed once for the processor: of each 16 outputs the numbers, in pairs (int8: fours), one below the other.
#pragma once
#include <algorithm>
#include <cmath>

#include "numbers.h"

constexpr int BLOCK = 32;  // columns of a result that are computed at once, and with AMX rows: two tiles by two

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
