// What multiplies matrices. Whichever it is has the same functions, which are described where AMX has them.
#pragma once

#define INLINED __attribute__((always_inline))  // a call between two products costs as much as what it does

constexpr int CHUNK = 32;  // keys at once: what the columns of a bf16 tile hold

#ifdef MODERATION_AMX
#include "amx.h"
#else
#include "avx512.h"
#endif
