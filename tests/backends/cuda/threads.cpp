// Several threads that share a handle, beside one with a handle of its own: every run gives what a single thread gets.
#include "model.h"

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

using Numbers = std::vector<float>;

static Numbers image(int seed) {
  Numbers numbers(timmc_inputs()[0].elements);
  for (size_t i = 0; i < numbers.size(); i++) numbers[i] = float((i * size_t(seed)) % 23) / 11.0f - 1.0f;
  return numbers;
}

static Numbers run(timmc_model* model, const Numbers& input) {
  std::vector<Numbers> outputs;
  for (int i = 0; i < TIMMC_OUTPUTS; i++) outputs.emplace_back(timmc_outputs()[i].elements);
  const float* from[TIMMC_INPUTS] = {input.data()};
  float* to[TIMMC_OUTPUTS];
  for (int i = 0; i < TIMMC_OUTPUTS; i++) to[i] = outputs[size_t(i)].data();
  if (timmc_run(model, from, to) != TIMMC_OK) {
    fprintf(stderr, "%s\n", timmc_last_error());
    exit(1);
  }
  return outputs[0];
}

static timmc_model* create(const char* weights) {
  timmc_model* model = nullptr;
  if (timmc_create(weights, 0, &model) == TIMMC_OK) return model;
  fprintf(stderr, "%s\n", timmc_last_error());
  exit(1);
}

int main(int, char** argv) {
  timmc_model* shared = create(argv[1]);
  const int threads = 3, runs = 2;
  std::vector<Numbers> expected;
  for (int i = 0; i < threads; i++) expected.push_back(run(shared, image(i + 1)));
  std::vector<int> wrong(size_t(threads), 0);
  std::vector<std::thread> all;
  for (int i = 0; i < threads; i++)
    all.emplace_back([&, i] {
      timmc_model* own = i == 0 ? create(argv[1]) : nullptr;
      for (int k = 0; k < runs; k++)
        if (run(i == 0 ? own : shared, image(i + 1)) != expected[size_t(i)]) wrong[size_t(i)]++;
      timmc_model* missing = nullptr;
      if (timmc_create("", 0, &missing) != TIMMC_BAD_WEIGHTS) wrong[size_t(i)]++;
      timmc_destroy(own);
    });
  for (auto& thread : all) thread.join();
  timmc_destroy(shared);
  for (int n : wrong)
    if (n != 0) fprintf(stderr, "%d runs differ\n", n);
  for (int n : wrong)
    if (n != 0) return 1;
  return 0;
}
