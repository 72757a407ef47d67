/* Everything of model.h from C, with a model of one input and at least one output. Says on which line it fails. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition)) {                                                               \
      fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, timmc_last_error()); \
      return 1;                                                                       \
    }                                                                                 \
  } while (0)

static void *read_all(const char *path, size_t bytes) {
  FILE *file = fopen(path, "rb");
  void *memory = malloc(bytes + 1);
  size_t n = file == NULL || memory == NULL ? 0 : fread(memory, 1, bytes + 1, file);
  if (file != NULL) fclose(file);
  return n == bytes ? memory : NULL;
}

static int refusals(const char *weights, const void *bytes) {
  timmc_model *model = (timmc_model *)&model;
  CHECK(timmc_create(NULL, 0, &model) == TIMMC_BAD_ARGUMENT);
  CHECK(timmc_create(weights, 0, NULL) == TIMMC_BAD_ARGUMENT);
  CHECK(timmc_create("no/such/file", 0, &model) == TIMMC_BAD_WEIGHTS && model == NULL);
  CHECK(strstr(timmc_last_error(), "no/such/file") != NULL);
  CHECK(timmc_create(weights, 99, &model) == TIMMC_BAD_ARGUMENT && model == NULL);
  CHECK(strstr(timmc_last_error(), "99") != NULL);
  CHECK(timmc_create("model.h", 0, &model) == TIMMC_BAD_WEIGHTS && model == NULL);
  CHECK(timmc_create_from_memory(bytes, TIMMC_WEIGHT_BYTES - 1, 0, &model) == TIMMC_BAD_WEIGHTS && model == NULL);
  CHECK(timmc_create_from_memory(NULL, TIMMC_WEIGHT_BYTES, 0, &model) == TIMMC_BAD_ARGUMENT);
  CHECK(timmc_run(NULL, NULL, NULL) == TIMMC_BAD_ARGUMENT);
  CHECK(timmc_run_on_stream(NULL, NULL, NULL, NULL) == TIMMC_BAD_ARGUMENT);
  CHECK(timmc_input_memory(NULL, 0) == NULL && timmc_output_memory(NULL, 0) == NULL);
  CHECK(timmc_output_index("nothing") == -1 && timmc_output_index(NULL) == -1);
  timmc_destroy(NULL);
  return 0;
}

int main(int argc, char **argv) {
  const timmc_tensor in = timmc_inputs()[0], out = timmc_outputs()[0];
  timmc_model *model, *copy;
  float *image = malloc(in.bytes), *first = malloc(out.bytes), *second = malloc(out.bytes);
  const float *from[TIMMC_INPUTS] = {image};
  float *to[TIMMC_OUTPUTS] = {first}, *missing[TIMMC_OUTPUTS] = {NULL};
  void *bytes;
  size_t i;
  int run;

  CHECK(argc == 2 && image != NULL && first != NULL && second != NULL);
  CHECK(TIMMC_INPUTS == 1 && TIMMC_INPUT_0_ELEMENTS == in.elements && in.bytes == 4 * in.elements);
  CHECK(TIMMC_OUTPUT_0_ELEMENTS == out.elements && timmc_output_index(out.name) == 0);
  for (i = 0; i < in.elements; i++) image[i] = (float)(i % 17) / 8 - 1;
  bytes = read_all(argv[1], TIMMC_WEIGHT_BYTES);
  CHECK(bytes != NULL);
  if (refusals(argv[1], bytes) != 0) return 1;

  CHECK(timmc_create(argv[1], 0, &model) == TIMMC_OK);
  CHECK(timmc_create_from_memory(bytes, TIMMC_WEIGHT_BYTES, 0, &copy) == TIMMC_OK);
  free(bytes);
  for (i = 1; i < TIMMC_OUTPUTS; i++) CHECK((to[i] = malloc(timmc_outputs()[i].bytes)) != NULL);
  CHECK(timmc_run(model, from, missing) == TIMMC_BAD_ARGUMENT);
  CHECK(timmc_run(model, from, to) == TIMMC_OK);

  /* The same again: by another handle, with outputs left where they are, and after the steps have been captured. */
  memcpy(second, first, out.bytes);
  CHECK(timmc_run_on_stream(copy, from, NULL, NULL) == TIMMC_OK);
  to[0] = first;
  for (run = 0; run < 3; run++) {
    memset(first, 0, out.bytes);
    CHECK(timmc_run_on_stream(model, from, to, NULL) == TIMMC_OK);
    CHECK(timmc_run(model, from, to) == TIMMC_OK);
    CHECK(memcmp(first, second, out.bytes) == 0);
  }
  CHECK(timmc_input_memory(model, 0) != NULL && timmc_input_memory(model, 1) == NULL);
  CHECK(timmc_output_memory(model, 0) != NULL && timmc_output_memory(model, -1) == NULL);
  timmc_destroy(model);
  timmc_destroy(copy);
  for (i = 1; i < TIMMC_OUTPUTS; i++) free(to[i]);
  free(image), free(first), free(second);
  return 0;
}
