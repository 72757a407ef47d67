// What every kernel's text stands behind: vectors of two and four numbers, and the instructions of a warp.

template <typename T, int N> struct Vec;
template <typename T> struct alignas(2 * sizeof(T)) Vec<T, 2> {
  T x, y;
  Vec() = default;
  __device__ explicit Vec(T s) : x(s), y(s) {}
  __device__ Vec(T x, T y) : x(x), y(y) {}
  template <typename U> __device__ explicit Vec(Vec<U, 2> a) : x(T(a.x)), y(T(a.y)) {}
};
template <typename T> struct alignas(4 * sizeof(T)) Vec<T, 4> {
  T x, y, z, w;
  Vec() = default;
  __device__ explicit Vec(T s) : x(s), y(s), z(s), w(s) {}
  __device__ Vec(T x, T y, T z, T w) : x(x), y(y), z(z), w(w) {}
  template <typename U> __device__ explicit Vec(Vec<U, 4> a) : x(T(a.x)), y(T(a.y)), z(T(a.z)), w(T(a.w)) {}
};

// A memory of numbers as one of vectors, which begin at multiples of their size.
template <int N, typename T> __device__ inline Vec<T, N>* vectors(T* p) { return reinterpret_cast<Vec<T, N>*>(p); }
template <int N, typename T> __device__ inline const Vec<T, N>* vectors(const T* p) {
  return reinterpret_cast<const Vec<T, N>*>(p);
}

template <typename T, typename F> __device__ inline auto each(Vec<T, 2> a, F f) -> Vec<decltype(f(a.x)), 2> {
  return {f(a.x), f(a.y)};
}
template <typename T, typename F> __device__ inline auto each(Vec<T, 4> a, F f) -> Vec<decltype(f(a.x)), 4> {
  return {f(a.x), f(a.y), f(a.z), f(a.w)};
}
template <typename T, typename F>
__device__ inline auto each(Vec<T, 2> a, Vec<T, 2> b, F f) -> Vec<decltype(f(a.x, b.x)), 2> {
  return {f(a.x, b.x), f(a.y, b.y)};
}
template <typename T, typename F>
__device__ inline auto each(Vec<T, 4> a, Vec<T, 4> b, F f) -> Vec<decltype(f(a.x, b.x)), 4> {
  return {f(a.x, b.x), f(a.y, b.y), f(a.z, b.z), f(a.w, b.w)};
}

#define TIMMC_OPERATOR(sign)                                                              \
  template <typename T, int N> __device__ inline auto operator sign(Vec<T, N> a, Vec<T, N> b) { \
    return each(a, b, [](T x, T y) { return x sign y; });                                 \
  }
TIMMC_OPERATOR(+)
TIMMC_OPERATOR(-)
TIMMC_OPERATOR(*)
TIMMC_OPERATOR(/)
TIMMC_OPERATOR(<)
TIMMC_OPERATOR(<=)
TIMMC_OPERATOR(==)
#undef TIMMC_OPERATOR
template <int N> __device__ inline Vec<bool, N> operator&(Vec<bool, N> a, Vec<bool, N> b) {
  return each(a, b, [](bool x, bool y) { return x && y; });
}
template <int N> __device__ inline Vec<bool, N> operator|(Vec<bool, N> a, Vec<bool, N> b) {
  return each(a, b, [](bool x, bool y) { return x || y; });
}
template <int N> __device__ inline Vec<bool, N> operator!(Vec<bool, N> a) {
  return each(a, [](bool x) { return !x; });
}
template <typename T, int N> __device__ inline Vec<T, N> operator-(Vec<T, N> a) {
  return each(a, [](T x) { return -x; });
}
template <typename T, int N> __device__ inline Vec<T, N>& operator+=(Vec<T, N>& a, Vec<T, N> b) { return a = a + b; }

template <typename T> __device__ inline Vec<T, 2> vselect(Vec<bool, 2> c, Vec<T, 2> a, Vec<T, 2> b) {
  return {c.x ? a.x : b.x, c.y ? a.y : b.y};
}
template <typename T> __device__ inline Vec<T, 4> vselect(Vec<bool, 4> c, Vec<T, 4> a, Vec<T, 4> b) {
  return {c.x ? a.x : b.x, c.y ? a.y : b.y, c.z ? a.z : b.z, c.w ? a.w : b.w};
}

#define TIMMC_FUNCTION(name, f)                                            \
  __device__ inline float name(float x) { return f(x); }                   \
  template <int N> __device__ inline Vec<float, N> name(Vec<float, N> a) { \
    return each(a, [](float x) { return f(x); });                          \
  }
TIMMC_FUNCTION(vabs, fabsf)
TIMMC_FUNCTION(vexp, expf)
TIMMC_FUNCTION(vlog, logf)
TIMMC_FUNCTION(vsqrt, sqrtf)
TIMMC_FUNCTION(vrsqrt, rsqrtf)
TIMMC_FUNCTION(vsin, sinf)
TIMMC_FUNCTION(vcos, cosf)
TIMMC_FUNCTION(vtanh, tanhf)
TIMMC_FUNCTION(verf, erff)
TIMMC_FUNCTION(vfloor, floorf)
#undef TIMMC_FUNCTION

#define TIMMC_PAIR(name, f)                                                                 \
  __device__ inline float name(float x, float y) { return f(x, y); }                        \
  template <int N> __device__ inline Vec<float, N> name(Vec<float, N> a, Vec<float, N> b) { \
    return each(a, b, [](float x, float y) { return f(x, y); });                            \
  }
TIMMC_PAIR(vmin, fminf)
TIMMC_PAIR(vmax, fmaxf)
TIMMC_PAIR(vpow, powf)
#undef TIMMC_PAIR
__device__ inline int vmin(int a, int b) { return a < b ? a : b; }
__device__ inline int vmax(int a, int b) { return a > b ? a : b; }

// Half precision is a way to store: numbers are read into float and rounded to nearest even when they are stored. What is beyond
// the greatest half becomes it, since an infinity would make NaNs of all that comes behind; a NaN stays one.
__device__ inline float widen(__half x) { return __half2float(x); }
template <int N> __device__ inline Vec<float, N> widen(Vec<__half, N> a) {
  return each(a, [](__half x) { return __half2float(x); });
}
__device__ inline __half narrow(float x) {
  const float most = 65504.0f;
  return __float2half_rn(x > most ? most : x < -most ? -most : x);
}
template <int N> __device__ inline Vec<__half, N> narrow(Vec<float, N> a) {
  return each(a, [](float x) { return narrow(x); });
}

// Two numbers, rounded, as a word.
__device__ inline unsigned halves(Vec<float, 2> a) {
  const Vec<__half, 2> rounded = narrow(a);
  unsigned word;
  memcpy(&word, &rounded, 4);
  return word;
}

// The same number twice, as a factor is beyond its depth.
__device__ inline unsigned halves(float x) { return halves(Vec<float, 2>(x)); }

// A memory of halves as words of two, or vectors of such words.
template <int N, typename T> __device__ inline auto words(T* p) {
  if constexpr (N == 1)
    return reinterpret_cast<unsigned*>(p);
  else
    return reinterpret_cast<Vec<unsigned, N>*>(p);
}
template <int N, typename T> __device__ inline auto words(const T* p) {
  if constexpr (N == 1)
    return reinterpret_cast<const unsigned*>(p);
  else
    return reinterpret_cast<const Vec<unsigned, N>*>(p);
}

// d += a b for a of 16 x 16, b of 16 x 8 and d of 16 x 8 elements, by the 32 threads of a warp together. With g = lane / 4 and
// t = lane % 4 a thread holds the words a[g][2t..], a[g + 8][2t..], a[g][2t + 8..], a[g + 8][2t + 8..]; b[2t..][g],
// b[2t + 8..][g]; and the numbers d[g][2t..] in `low`, d[g + 8][2t..] in `high` (PTX ISA, mma.m16n8k16). Before sm_80 the depth
// is two of m16n8k8, whose words are the first and the second half of these: -DTIMMC_EMULATION_SM75 emulates that.
// All asm of this file is assembled by tests for sm_75 to sm_90. None of it has run in them: tests have no device.
__device__ inline void mma_m16n8k16(Vec<float, 2>& low, Vec<float, 2>& high, unsigned a0, unsigned a1, unsigned a2, unsigned a3,
                                    unsigned b0, unsigned b1) {
#if defined(TIMMC_EMULATION) && !defined(TIMMC_EMULATION_SM75)
  timmc_emulation::mma<2>(low.x, low.y, high.x, high.y, {a0, a1, a2, a3}, {b0, b1});
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(low.x), "+f"(low.y), "+f"(high.x), "+f"(high.y)
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
#else
  const auto half = [&](unsigned above, unsigned below, unsigned right) {
#ifdef TIMMC_EMULATION
    timmc_emulation::mma<1>(low.x, low.y, high.x, high.y, {above, below}, {right});
#else
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                 : "+f"(low.x), "+f"(low.y), "+f"(high.x), "+f"(high.y)
                 : "r"(above), "r"(below), "r"(right));
#endif
  };
  half(a0, a1, b0);
  half(a2, a3, b1);
#endif
}

// What the thread of the warp holds whose number differs in the bits of `by`.
__device__ inline float warp_xor(float x, int by) { return __shfl_xor_sync(0xffffffffu, x, by); }
template <int N> __device__ inline Vec<float, N> warp_xor(Vec<float, N> a, int by) {
  return each(a, [by](float x) { return __shfl_xor_sync(0xffffffffu, x, by); });
}

// Copies 4, 8 or 16 bytes to shared memory past the registers, zeros where `valid` does not hold. The copies of a thread up to a
// commit are a group; they have landed once it has waited, and others see them behind a barrier. Before sm_80 copies are plain.
template <int bytes> __device__ inline void copy_behind(void* shared, const void* global, bool valid) {
#if !defined(TIMMC_EMULATION) && __CUDA_ARCH__ >= 800
  const unsigned to = unsigned(__cvta_generic_to_shared(shared));
  const int read = valid ? bytes : 0;
  if constexpr (bytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(read) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(global), "n"(bytes), "r"(read) : "memory");
#else
  static_assert(bytes % 4 == 0, "words");
  for (int i = 0; i < bytes / 4; i++)
    static_cast<unsigned*>(shared)[i] = valid ? static_cast<const unsigned*>(global)[i] : 0u;
#endif
}
__device__ inline void copy_commit() {
#if !defined(TIMMC_EMULATION) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
// Waits until at most the `pending` newest groups of this thread are under way.
template <int pending> __device__ inline void copy_wait() {
#if !defined(TIMMC_EMULATION) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}
