/* In all arrays elements are 32-bit floats in row-major order. Every function may be called from any thread; runs of one handle
 * wait for each other. */

#include <stddef.h>
#include <stdint.h>

/* The functions of this model are called timmc_create and so on, or with -DTIMMC_PREFIX=NAME when all of its files are compiled
 * NAME_create and so on, so that a program can hold several models. */
#ifdef TIMMC_PREFIX
#define TIMMC_JOIN_(prefix, name) prefix##_##name
#define TIMMC_JOIN(prefix, name) TIMMC_JOIN_(prefix, name)
#define timmc_inputs TIMMC_JOIN(TIMMC_PREFIX, inputs)
#define timmc_outputs TIMMC_JOIN(TIMMC_PREFIX, outputs)
#define timmc_output_index TIMMC_JOIN(TIMMC_PREFIX, output_index)
#define timmc_create TIMMC_JOIN(TIMMC_PREFIX, create)
#define timmc_create_from_memory TIMMC_JOIN(TIMMC_PREFIX, create_from_memory)
#define timmc_run TIMMC_JOIN(TIMMC_PREFIX, run)
#define timmc_run_on_stream TIMMC_JOIN(TIMMC_PREFIX, run_on_stream)
#define timmc_input_memory TIMMC_JOIN(TIMMC_PREFIX, input_memory)
#define timmc_output_memory TIMMC_JOIN(TIMMC_PREFIX, output_memory)
#define timmc_destroy TIMMC_JOIN(TIMMC_PREFIX, destroy)
#define timmc_last_error TIMMC_JOIN(TIMMC_PREFIX, last_error)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A cudaStream_t, without CUDA's headers. */
typedef struct CUstream_st *timmc_stream;

/* A model on a device: its weights, and the memory of one run. */
typedef struct timmc_model timmc_model;

typedef enum timmc_status {
  TIMMC_OK = 0,
  TIMMC_BAD_ARGUMENT = 1,  /* a null pointer or a device that does not exist */
  TIMMC_BAD_WEIGHTS = 2,   /* the weights cannot be read, or are not this model's */
  TIMMC_NO_DEVICE = 3,     /* no driver, or no CUDA device that these kernels were compiled for */
  TIMMC_OUT_OF_MEMORY = 4, /* of the device or the host */
  TIMMC_CUDA_ERROR = 5     /* any other failure of a CUDA call */
} timmc_status;

typedef struct timmc_tensor {
  const char *name;
  int rank;
  const int64_t *shape;
  size_t elements;
  size_t bytes;
} timmc_tensor;

/* The TIMMC_INPUTS inputs and the TIMMC_OUTPUTS outputs, in order. */
const timmc_tensor *timmc_inputs(void);
const timmc_tensor *timmc_outputs(void);

/* The place of an output among the outputs, or -1. */
int timmc_output_index(const char *name);

/* Loads the model onto a device: weights from their file, or from the TIMMC_WEIGHT_BYTES bytes of it in memory, which are copied.
 * Allocates TIMMC_WEIGHT_BYTES and TIMMC_MEMORY_BYTES of the device. The handle is freed by timmc_destroy; after a failure there
 * is none. */
timmc_status timmc_create(const char *weights_path, int device, timmc_model **model);
timmc_status timmc_create_from_memory(const void *weights, size_t bytes, int device, timmc_model **model);

/* Runs the model: reads every input, writes every output, and returns when that is done. */
timmc_status timmc_run(timmc_model *model, const float *const *inputs, float *const *outputs);

/* Enqueues a run on a stream of the model's device and returns. Each pointer is to memory of the device or the host; outputs hold
 * the results when the stream has come this far. A null pointer copies nothing: the input is what was written to
 * timmc_input_memory since the last run, which may have used that memory for something else, and the output stays at
 * timmc_output_memory until the next run. Runs on several streams wait for each other on the device. A stream that
 * is being captured gets the plain kernels, and keeping apart runs of the captured graph is then the caller's. */
timmc_status timmc_run_on_stream(timmc_model *model, const float *const *inputs, float *const *outputs, timmc_stream stream);

/* Where an input and an output lie on the device, or null where there is none of that index. */
float *timmc_input_memory(timmc_model *model, int input);
const float *timmc_output_memory(timmc_model *model, int output);

/* Waits for the runs of a handle and frees what it holds. A null handle is none. */
void timmc_destroy(timmc_model *model);

/* What went wrong in the last call of this thread that failed; text that the next failure replaces. */
const char *timmc_last_error(void);

#ifdef __cplusplus
}
#endif
