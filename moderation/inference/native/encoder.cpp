// A BERT encoder (Devlin et al., "BERT", 2019) for processors with AMX or AVX-512, and a tag head on its tokens.
//
// The tokens of some sequences stand one after the other, without padding. Products are in bf16 (or int8), their sums,
// the residual stream, normalisation and heads in fp32. One call runs on one thread; any number may call at once.
#include <vector>

#include "attention.h"
#include "product.h"
#include "rows.h"

constexpr int MOST_TAGS = 256;
constexpr int64_t FACTOR = 1 << 18;  // an id is that of a word, and FACTOR times its type: moderation/text/case.py

struct Layer {
  Weights inputs, mixed, inner, outer;  // queries, keys and values side by side; what is mixed; in and out of the GELU
  Norm mixed_norm, outer_norm;
  Ease ease_inputs, ease_inner, ease_outer;
};

struct Config {
  int32_t hidden, heads, inner, layers, tags, int8;
  int32_t first, types;  // first: a text's vector is its first token's, not the mean; types: how many there are, or 0
  float eps;
};

struct Encoder {
  Config config;
  const float *words, *places;  // the caller's
  Norm norm;
  Buffer<float> types;  // what each adds to the first, which is in the places
  std::vector<Layer> layers;
  Ease end;  // of what leaves the last layer: to nothing, as nobody reads it in int8
  Buffer<float> tag_weight, tag_bias;
};

// A thread's memory for a group of sequences.
struct Work {
  Buffer<float> x;
  Buffer<Grid> grids;
  Buffer<Range> ranges;
  Buffer<char> states, narrow, mixed, inner, narrow_inner, partial;
  Buffer<bf16> inputs;
  Attention attention;

  void need(const Config& c, size_t tokens) {
    x.need(tokens * c.hidden), grids.need(tokens), partial.need((tokens / BLOCK + 1) * 4 * TILE);
    states.need(tokens * c.hidden * 2), mixed.need(tokens * c.hidden * 2), inner.need(tokens * c.inner * 2);
    inputs.need((tokens + ROWS) * 3 * c.hidden);  // the last queries' tile may end behind the last token
    if (c.int8) ranges.need(tokens), narrow.need(tokens * c.hidden), narrow_inner.need(tokens * c.inner);
  }
};

struct Group {
  std::vector<int> bounds;  // sequence i is the tokens bounds[i] to bounds[i + 1]
  int tokens;               // of all, filled up to whole tiles
};

static void normalise_all(const Encoder& e, const Norm& norm, const Ease& ease, const Group& group, Work& w) {
  const Config& c = e.config;
  for (int token = 0; token < group.tokens; token++)
    normalise(w.x.get() + static_cast<size_t>(token) * c.hidden, c.hidden, norm, c.eps, ease,
              ease.seen && token < group.bounds.back(), w.states.get(), c.int8 ? w.narrow.get() : nullptr,
              w.grids.get(), token);
}

static void embed(const Encoder& e, const int64_t* ids, int64_t width, const Group& group, Work& w) {
  const int hidden = e.config.hidden;
  float* to = w.x.get();
  for (size_t row = 0; row + 1 < group.bounds.size(); row++)
    for (int place = 0; place < group.bounds[row + 1] - group.bounds[row]; place++, to += hidden) {
      const int64_t id = ids[row * width + place], type = id / FACTOR;
      const float* word = e.words + id % FACTOR * hidden;
      const float* spot = e.places + static_cast<size_t>(place) * hidden;
      for (int i = 0; i < hidden; i += ROWS)
        _mm512_store_ps(to + i, _mm512_add_ps(_mm512_loadu_ps(word + i), _mm512_loadu_ps(spot + i)));
      const float* more = e.types.get() + type * hidden;
      for (int i = 0; type && i < hidden; i += ROWS)
        _mm512_store_ps(to + i, _mm512_add_ps(_mm512_load_ps(to + i), _mm512_load_ps(more + i)));
    }
  std::memset(to, 0, static_cast<size_t>(group.tokens - group.bounds.back()) * hidden * sizeof(float));
  normalise_all(e, e.norm, e.layers[0].ease_inputs, group, w);
}

// `next` is how the states are eased for the layer behind it.
static void run_layer(const Encoder& e, const Layer& layer, const Ease& next, const Group& group, Work& w) {
  const int hidden = e.config.hidden, inner = e.config.inner, tokens = group.tokens;
  char *states = w.states.get(), *narrow = w.narrow.get(), *partial = w.partial.get();
  Grid* grids = w.grids.get();
  Range* ranges = w.ranges.get();
  float* x = w.x.get();
  auto add = [=](int token, int column, __m512 low, __m512 high) INLINED {
    float* to = x + static_cast<size_t>(token) * hidden + column;
    _mm512_store_ps(to, _mm512_add_ps(_mm512_load_ps(to), low));
    _mm512_store_ps(to + ROWS, _mm512_add_ps(_mm512_load_ps(to + ROWS), high));
  };
  bf16* inputs = w.inputs.get();
  auto keep = [=](int token, int column, __m512 low, __m512 high) INLINED {
    _mm512_store_si512(inputs + static_cast<size_t>(token) * 3 * hidden + column, halves(low, high));
  };
  linear(layer.inputs, states, narrow, grids, tokens, partial, keep);
  for (size_t i = 0; i + 1 < group.bounds.size(); i++)
    attend(w.inputs.get(), hidden, e.config.heads, group.bounds[i], group.bounds[i + 1] - group.bounds[i],
           w.mixed.get(), w.attention);
  linear(layer.mixed, w.mixed.get(), nullptr, grids, tokens, partial, add);
  normalise_all(e, layer.mixed_norm, layer.ease_inner, group, w);
  const bool int8 = layer.outer.int8;
  if (int8) std::fill(ranges, ranges + tokens, Range());
  float* seen = layer.ease_outer.seen;
  const int real = group.bounds.back();  // what fills the tiles up behind it is nobody's
  const float* ease = layer.ease_outer.factors.get();
  char* activated = w.inner.get();
  auto activate = [=](int token, int column, __m512 low, __m512 high) INLINED {
    low = gelu(low), high = gelu(high);
    if (seen && token < real) see(seen, column, low, high);
    if (int8) {
      low = _mm512_mul_ps(low, _mm512_load_ps(ease + column));
      high = _mm512_mul_ps(high, _mm512_load_ps(ease + column + ROWS));
      ranges[token].take(low), ranges[token].take(high);
    }
    _mm512_store_si512(line_of(activated, inner / 32, token, static_cast<unsigned>(column) / 32), halves(low, high));
  };
  linear(layer.inner, states, narrow, grids, tokens, partial, activate);
  if (int8)
    for (int token = 0; token < tokens; token++)
      narrow_row(w.inner.get(), inner, ranges[token], w.narrow_inner.get(), grids, token);
  linear(layer.outer, w.inner.get(), w.narrow_inner.get(), grids, tokens, partial, add);
  normalise_all(e, layer.outer_norm, next, group, w);
}

// The mean of a sequence's states, or the first.
static void pool(const Encoder& e, const float* x, int length, float* pooled) {
  const int count = e.config.first ? 1 : length;
  for (int i = 0; i < e.config.hidden; i += ROWS) {
    __m512 sum = _mm512_setzero_ps();
    for (int token = 0; token < count; token++)
      sum = _mm512_add_ps(sum, _mm512_load_ps(x + static_cast<size_t>(token) * e.config.hidden + i));
    _mm512_storeu_ps(pooled + i, _mm512_div_ps(sum, _mm512_set1_ps(count)));
  }
}

static inline float dot(const float* one, const float* two, int size) {
  __m512 sum = _mm512_setzero_ps();
  for (int i = 0; i < size; i += ROWS) sum = _mm512_fmadd_ps(_mm512_loadu_ps(one + i), _mm512_loadu_ps(two + i), sum);
  return _mm512_reduce_add_ps(sum);
}

// A token's best tag and its softmax probability.
static void tag(const Encoder& e, const float* x, int16_t* best, float* confidence) {
  float logits[MOST_TAGS], sum = 0;
  int found = 0;
  for (int n = 0; n < e.config.tags; n++) {
    const float* weight = e.tag_weight.get() + static_cast<size_t>(n) * e.config.hidden;
    logits[n] = dot(x, weight, e.config.hidden) + e.tag_bias.get()[n];
    if (logits[n] > logits[found]) found = n;
  }
  for (int n = 0; n < e.config.tags; n++) sum += std::exp(logits[n] - logits[found]);
  *best = static_cast<int16_t>(found), *confidence = 1 / sum;
}

// Runs sequences together; `ids`, `tags` and `confidence` are [sequences, width], `pooled` is [sequences, hidden].
static void run_group(const Encoder& e, const int64_t* ids, int64_t width, const Group& group, float* pooled,
                      int16_t* tags, float* confidence) {
  static thread_local Work w;
  const int hidden = e.config.hidden;
  w.need(e.config, group.tokens);
  embed(e, ids, width, group, w);
  for (size_t i = 0; i < e.layers.size(); i++)
    run_layer(e, e.layers[i], i + 1 < e.layers.size() ? e.layers[i + 1].ease_inputs : e.end, group, w);
  for (size_t row = 0; row + 1 < group.bounds.size(); row++) {
    const int first = group.bounds[row], length = group.bounds[row + 1] - first;
    const float* x = w.x.get() + static_cast<size_t>(first) * hidden;
    pool(e, x, length, pooled + row * hidden);
    for (int token = 0; tags && token < length; token++)
      tag(e, x + static_cast<size_t>(token) * hidden, tags + row * width + token, confidence + row * width + token);
  }
}

// The weights in the order in which weights.py gives them.
static void load(Encoder& e, const float* const* given) {
  const Config& c = e.config;
  auto norm = [&](Norm& to) { to.weight.copy(*given++, c.hidden), to.bias.copy(*given++, c.hidden); };
  auto pack = [&](Weights& to, int outputs, int inputs, bool int8) {
    to.pack(given[0], given[1], outputs, inputs, int8);
    given += 2;
  };
  e.words = *given++, e.places = *given++;
  norm(e.norm);
  if (c.types) e.types.copy(*given++, static_cast<size_t>(c.types) * c.hidden);
  e.layers.resize(c.layers), e.end.factors.need(c.hidden);
  for (Layer& layer : e.layers) {
    pack(layer.inputs, 3 * c.hidden, c.hidden, c.int8);
    pack(layer.mixed, c.hidden, c.hidden, false);
    norm(layer.mixed_norm);
    pack(layer.inner, c.inner, c.hidden, c.int8);
    pack(layer.outer, c.hidden, c.inner, c.int8);
    norm(layer.outer_norm);
    if (!c.int8) continue;
    layer.ease_inputs.factors.copy(*given++, c.hidden), layer.ease_inner.factors.copy(*given++, c.hidden);
    layer.ease_outer.factors.copy(*given++, c.inner);
  }
  if (c.tags) e.tag_weight.copy(*given++, static_cast<size_t>(c.tags) * c.hidden), e.tag_bias.copy(*given++, c.tags);
}

#define MODERATION extern "C" __attribute__((visibility("default")))

// A digest of what this was compiled from.
MODERATION const char* moderation_sources() { return MODERATION_SOURCES; }

// Makes this process ready to run the encoder, once; 0 where it is.
MODERATION int moderation_prepare() { return prepare(); }

// A loaded encoder; null where memory is short. The first two arrays are read later, too, and stay the caller's.
MODERATION void* moderation_encoder(const Config* config, const float* const* given) {
  try {
    auto encoder = std::make_unique<Encoder>();
    encoder->config = *config;
    load(*encoder, given);
    return encoder.release();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

MODERATION void moderation_free(void* encoder) { delete static_cast<Encoder*>(encoder); }

// Has the encoder note in seen [layers, 2 hidden + inner] how large each channel before a product gets: as it enters
// the layer, before the inner product, after the GELU. For one thread at a time.
MODERATION void moderation_watch(void* encoder, float* seen) {
  Encoder& e = *static_cast<Encoder*>(encoder);
  for (Layer& layer : e.layers) {
    layer.ease_inputs.seen = seen, layer.ease_inner.seen = seen + e.config.hidden;
    layer.ease_outer.seen = seen + 2 * e.config.hidden;
    seen += 2 * e.config.hidden + e.config.inner;
  }
}

// Runs the sequences of ids [rows, width], in groups of at most `limit` tokens (or one sequence). Writes pooled [rows,
// hidden] and, unless they are null, tags and confidence [rows, width]. 0 where it did, 1 where memory was short.
MODERATION int moderation_run(const void* encoder, int64_t limit, const int64_t* ids, int64_t rows, int64_t width,
                              const int64_t* lengths, float* pooled, int16_t* tags, float* confidence) {
  const Encoder& e = *static_cast<const Encoder*>(encoder);
  try {
    const Tiles tiles;
    for (int64_t row = 0, next; row < rows; row = next) {
      Group group{{0, static_cast<int>(lengths[row])}, 0};
      for (next = row + 1; next < rows && group.bounds.back() + lengths[next] <= limit; next++)
        group.bounds.push_back(group.bounds.back() + static_cast<int>(lengths[next]));
      group.tokens = (group.bounds.back() + ROWS - 1) / ROWS * ROWS;
      run_group(e, ids + row * width, width, group, pooled + row * e.config.hidden,
                tags ? tags + row * width : nullptr, confidence ? confidence + row * width : nullptr);
    }
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

// A linear layer in fp32: states [rows, inner] to out [rows, outputs]. Each sum is in one order, whatever rows there
// are, as a library's matrix product is not. `inner` is a multiple of 16.
MODERATION void moderation_linear(const float* states, int64_t rows, int64_t inner, const float* weight,
                                  const float* bias, int64_t outputs, float* out) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t n = 0; n < outputs; n++)
      out[row * outputs + n] = dot(states + row * inner, weight + n * inner, static_cast<int>(inner)) + bias[n];
}
