// A device that does everything as late as CUDA allows (-DTIMMC_EMULATION_LATE): what is not waited for has not happened yet.
#include "emulation.h"
#include "model.h"

#include <cstdio>
#include <cstring>
#include <vector>

using Numbers = std::vector<float>;

#define CHECK(condition)                                                                \
  do {                                                                                  \
    if (!(condition)) {                                                                 \
      fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, timmc_last_error()); \
      return 1;                                                                         \
    }                                                                                   \
  } while (0)

struct Run {
  Numbers image;
  std::vector<Numbers> results;
  std::vector<const float*> from;
  std::vector<float*> to;
  explicit Run(size_t step) : image(timmc_inputs()[0].elements) {
    for (size_t i = 0; i < image.size(); i++) image[i] = float(i * step % 23) / 11.0f - 1.0f;
    from.push_back(image.data());
    for (int i = 0; i < TIMMC_OUTPUTS; i++) results.emplace_back(timmc_outputs()[i].elements, -1.0f);
    for (auto& result : results) to.push_back(result.data());
  }
};

static std::vector<char> read_all(const char* path) {
  std::vector<char> bytes(TIMMC_WEIGHT_BYTES);
  FILE* file = fopen(path, "rb");
  if (file == nullptr || fread(bytes.data(), 1, bytes.size(), file) != bytes.size()) bytes.clear();
  if (file != nullptr) fclose(file);
  return bytes;
}

static int weights_have_landed(const char* path, timmc_model* model, const Run& expected) {
  std::vector<char> weights = read_all(path);
  timmc_model* copy;
  CHECK(timmc_create_from_memory(weights.data(), weights.size(), 0, &copy) == TIMMC_OK);
  memset(weights.data(), 0, weights.size());
  for (timmc_model* each : {model, copy}) {
    Run run(7);
    CHECK(timmc_run(each, run.from.data(), run.to.data()) == TIMMC_OK);
    CHECK(run.results == expected.results);
  }
  timmc_destroy(copy);
  return 0;
}

static int a_run_that_fails_is_waited_for(const char* path, const Run& expected) {
  timmc_model* model;
  CHECK(timmc_create(path, 0, &model) == TIMMC_OK);
  Run failing(5), whole(7);
  cudaStream_t first, second;
  CHECK(cudaStreamCreate(&first) == cudaSuccess && cudaStreamCreate(&second) == cudaSuccess);
  timmc_emulation::launches_left = 3;
  CHECK(timmc_run_on_stream(model, failing.from.data(), failing.to.data(), first) == TIMMC_CUDA_ERROR);
  CHECK(first->work->left.size() > 3);
  timmc_emulation::launches_left = -1;
  CHECK(timmc_run_on_stream(model, whole.from.data(), whole.to.data(), second) == TIMMC_OK);
  CHECK(cudaStreamSynchronize(second) == cudaSuccess);
  CHECK(first->work->left.empty());
  CHECK(whole.results == expected.results);
  CHECK(cudaStreamDestroy(first) == cudaSuccess && cudaStreamDestroy(second) == cudaSuccess);
  timmc_destroy(model);
  return 0;
}

// A call that returns has done with the caller's memory, also where it failed.
static int a_call_that_fails_has_read_its_input(const char* path) {
  timmc_model* model;
  CHECK(timmc_create(path, 0, &model) == TIMMC_OK);
  Run run(5);
  timmc_emulation::launches_left = 0;
  CHECK(timmc_run(model, run.from.data(), run.to.data()) == TIMMC_CUDA_ERROR);
  timmc_emulation::launches_left = -1;
  CHECK(memcmp(timmc_input_memory(model, 0), run.image.data(), timmc_inputs()[0].bytes) == 0);
  timmc_destroy(model);
  return 0;
}

int main(int, char** argv) {
  timmc_model* model;
  CHECK(timmc_create(argv[1], 0, &model) == TIMMC_OK);
  Run expected(7), other(5);
  CHECK(timmc_run(model, other.from.data(), other.to.data()) == TIMMC_OK);
  CHECK(timmc_run(model, expected.from.data(), expected.to.data()) == TIMMC_OK);
  CHECK(other.results != expected.results);
  for (float x : expected.results[0]) CHECK(x == x);
  // The thread's device is the model's already.
  CHECK(timmc_emulation::devices_set == 0);
  if (weights_have_landed(argv[1], model, expected) != 0) return 1;
  if (a_run_that_fails_is_waited_for(argv[1], expected) != 0) return 1;
  if (a_call_that_fails_has_read_its_input(argv[1]) != 0) return 1;
  timmc_destroy(model);
  return 0;
}
