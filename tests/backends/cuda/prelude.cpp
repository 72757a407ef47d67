// Functions of prelude.cuh by themselves: halves that saturate, and a product of matrix instructions against its definition.
#include "emulation.h"

#include "prelude.cuh"

#include <cmath>
#include <limits>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition);         \
      return 1;                                                       \
    }                                                                 \
  } while (0)

static int halves_saturate() {
  const float inf = std::numeric_limits<float>::infinity(), tiny = 1e-30f;
  const float cases[][2] = {{0, 0},         {1, 1},          {-2.5f, -2.5f},  {65504, 65504},  {65519, 65504}, {65520, 65504},
                            {1e6f, 65504},  {-1e6f, -65504}, {inf, 65504},    {-inf, -65504},  {tiny, 0},      {2049, 2048},
                            {2051, 2052}};
  for (const auto& [from, to] : cases) {
    CHECK(widen(narrow(from)) == to);
    const Vec<float, 2> two = widen(narrow(Vec<float, 2>(from, 1)));
    CHECK(two.x == to && two.y == 1);
    const Vec<float, 4> four = widen(narrow(Vec<float, 4>(1, 2, 3, from)));
    CHECK(four.x == 1 && four.z == 3 && four.w == to);
    const unsigned word = halves(Vec<float, 2>(1, from));
    CHECK(timmc_emulation::low(word) == 1 && timmc_emulation::high(word) == to);
  }
  CHECK(halves(0.0f) == 0 && timmc_emulation::low(halves(1e6f)) == 65504 && timmc_emulation::high(halves(1e6f)) == 65504);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(widen(narrow(nan))));
  CHECK(std::isnan(timmc_emulation::high(halves(Vec<float, 2>(1, nan)))));
  return 0;
}

// a is 16 x 16, b 16 x 8 and d 16 x 8, all in row-major order.
__global__ void product(const float* a, const float* b, float* d) {
  const int g = int(threadIdx.x) / 4, t = int(threadIdx.x) % 4;
  const auto left = [&](int row, int column) { return halves(Vec<float, 2>(a[16 * row + column], a[16 * row + column + 1])); };
  const auto right = [&](int row) { return halves(Vec<float, 2>(b[8 * row + g], b[8 * (row + 1) + g])); };
  Vec<float, 2>&low = vectors<2>(d)[4 * g + t], &high = vectors<2>(d)[4 * (g + 8) + t];
  mma_m16n8k16(low, high, left(g, 2 * t), left(g + 8, 2 * t), left(g, 2 * t + 8), left(g + 8, 2 * t + 8), right(2 * t), right(2 * t + 8));
}

static int products_are_products() {
  // Whole numbers that halves and sums of their products hold.
  alignas(16) float a[256], b[128], d[128], expected[128];
  for (int i = 0; i < 256; i++) a[i] = float(i * 37 % 101 - 50);
  for (int i = 0; i < 128; i++) b[i] = float(i * 53 % 89 - 44);
  for (int i = 0; i < 128; i++) {
    expected[i] = d[i] = float(i);
    for (int k = 0; k < 16; k++) expected[i] += a[i / 8 * 16 + k] * b[k * 8 + i % 8];
  }
  const float *left = a, *right = b;
  float* sums = d;
  void* arguments[] = {&left, &right, &sums};
  CHECK(cudaLaunchKernel(product, dim3(1), dim3(32), arguments, 0, nullptr) == cudaSuccess);
  for (int i = 0; i < 128; i++) CHECK(d[i] == expected[i]);
  return 0;
}

int main() { return halves_saturate() != 0 || products_are_products() != 0; }
