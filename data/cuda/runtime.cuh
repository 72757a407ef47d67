// The functions of model.h over the tables above.

namespace {

thread_local char last_error[512] = "";

timmc_status fail(timmc_status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  return status;
}

timmc_status cuda_failure(cudaError_t error, const char* call) {
  cudaGetLastError(); // what does not stick to the device is not reported again
  switch (error) {
    case cudaErrorMemoryAllocation:
      return fail(TIMMC_OUT_OF_MEMORY, "%s: out of memory: weights have %zu bytes, a run needs %zu", call, weight_bytes, memory_bytes);
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorNoKernelImageForDevice:
      return fail(TIMMC_NO_DEVICE, "no CUDA device runs this model: %s (%s)", cudaGetErrorString(error), call);
    case cudaErrorInvalidDevice:
      return fail(TIMMC_BAD_ARGUMENT, "%s: %s", call, cudaGetErrorString(error));
    default:
      return fail(TIMMC_CUDA_ERROR, "%s: %s", call, cudaGetErrorString(error));
  }
}

#define TIMMC_CHECK(call)                                                  \
  do {                                                                     \
    const cudaError_t error = call;                                        \
    if (error != cudaSuccess) return cuda_failure(error, #call);           \
  } while (false)

#define TIMMC_PASS(call)                                                   \
  do {                                                                     \
    const timmc_status status = call;                                      \
    if (status != TIMMC_OK) return status;                                 \
  } while (false)

// The thread's device is the model's within a call, and the caller's behind it.
struct DeviceGuard {
  int before = -1;
  bool changed = false;
  cudaError_t enter(int device) {
    cudaError_t error = cudaGetDevice(&before);
    if (error != cudaSuccess || before == device) return error;
    error = cudaSetDevice(device);
    changed = error == cudaSuccess;
    return error;
  }
  ~DeviceGuard() {
    if (changed) cudaSetDevice(before);
  }
};

} // namespace

struct timmc_model {
  int device = 0;
  char* weights = nullptr;
  char* memory = nullptr;
  cudaStream_t stream = nullptr;
  // Behind all that the last run enqueued, on whatever stream it was, and however far it came.
  cudaEvent_t done = nullptr;
  std::mutex mutex;
  bool is_used = false;
  // A run came to its end: all kernels are loaded.
  bool has_run = false;
  bool may_capture = true;
  cudaGraphExec_t graph = nullptr;
};

namespace {

timmc_status launch_steps(timmc_model& model, cudaStream_t stream) {
  for (const Step& step : steps) {
    void* places[most_bindings];
    void* arguments[most_bindings];
    for (int i = 0; i < step.count; i++) {
      const Binding& binding = step.bindings[i];
      places[i] = (binding.memory == Memory::weights ? model.weights : model.memory) + binding.offset;
      arguments[i] = &places[i];
    }
#ifdef TIMMC_EMULATION
    // Only what the step binds is there: an access beside it is found by the address sanitizer.
    timmc_emulation::Bounds bounds({{model.weights, weight_bytes}, {model.memory, memory_bytes}});
    for (int i = 0; i < step.count; i++) bounds.open(places[i], step.bindings[i].bytes);
#endif
    const cudaError_t error = step.launch(step.grid, arguments, stream);
    if (error != cudaSuccess) return cuda_failure(error, step.name);
  }
  return TIMMC_OK;
}

// The steps as one graph. Where the device or the driver cannot, runs go on with single launches.
void capture(timmc_model& model) {
  model.may_capture = false;
  cudaGraph_t graph = nullptr;
  if (cudaStreamBeginCapture(model.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess) {
    const timmc_status status = launch_steps(model, model.stream);
    const bool ended = cudaStreamEndCapture(model.stream, &graph) == cudaSuccess;
    if (status != TIMMC_OK || !ended || cudaGraphInstantiateWithFlags(&model.graph, graph, 0) != cudaSuccess)
      model.graph = nullptr;
    if (graph != nullptr) cudaGraphDestroy(graph);
  }
  cudaGetLastError();
}

// The copies and kernels of a run. Where it fails some of them are on the stream.
timmc_status enqueue_steps(timmc_model& model, const float* const* from, float* const* to, cudaStream_t stream, bool captured) {
  for (int i = 0; i < TIMMC_INPUTS; i++)
    if (from != nullptr && from[i] != nullptr)
      TIMMC_CHECK(cudaMemcpyAsync(model.memory + input_offsets[i], from[i], inputs[i].bytes, cudaMemcpyDefault, stream));
  if (model.graph != nullptr && !captured)
    TIMMC_CHECK(cudaGraphLaunch(model.graph, stream));
  else
    TIMMC_PASS(launch_steps(model, stream));
  for (int i = 0; i < TIMMC_OUTPUTS; i++)
    if (to != nullptr && to[i] != nullptr)
      TIMMC_CHECK(cudaMemcpyAsync(to[i], model.memory + output_offsets[i], outputs[i].bytes, cudaMemcpyDefault, stream));
  return TIMMC_OK;
}

timmc_status enqueue(timmc_model& model, const float* const* from, float* const* to, cudaStream_t stream) {
  std::lock_guard<std::mutex> lock(model.mutex);
  DeviceGuard guard;
  TIMMC_CHECK(guard.enter(model.device));
  cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
  TIMMC_CHECK(cudaStreamIsCapturing(stream, &capturing));
  if (capturing != cudaStreamCaptureStatusNone) return enqueue_steps(model, from, to, stream, true);
  if (model.is_used) TIMMC_CHECK(cudaStreamWaitEvent(stream, model.done, 0));
  // The first run has loaded the kernels, which a capture must not.
  if (model.has_run && model.may_capture) capture(model);
  const timmc_status status = enqueue_steps(model, from, to, stream, false);
  const cudaError_t recorded = cudaEventRecord(model.done, stream);
  if (recorded == cudaSuccess)
    model.is_used = true;
  else
    cudaStreamSynchronize(stream); // no event to wait for
  if (status != TIMMC_OK) return status; // what went wrong first
  TIMMC_CHECK(recorded);
  model.has_run = true;
  return TIMMC_OK;
}

timmc_status allocate(timmc_model& model, int device) {
  int devices = 0;
  TIMMC_CHECK(cudaGetDeviceCount(&devices));
  if (device < 0 || device >= devices) return fail(TIMMC_BAD_ARGUMENT, "there is no device %d: there are %d", device, devices);
  model.device = device;
  DeviceGuard guard;
  TIMMC_CHECK(guard.enter(device));
  TIMMC_CHECK(cudaMalloc(reinterpret_cast<void**>(&model.weights), weight_bytes > 0 ? weight_bytes : 1));
  TIMMC_CHECK(cudaMalloc(reinterpret_cast<void**>(&model.memory), memory_bytes));
  TIMMC_CHECK(cudaStreamCreateWithFlags(&model.stream, cudaStreamNonBlocking));
  TIMMC_CHECK(cudaEventCreateWithFlags(&model.done, cudaEventDisableTiming));
  return TIMMC_OK;
}

// Returns when the bytes lie on the device. Out of memory of the host that is not pinned a plain cudaMemcpy may return before they
// do, and streams that do not block, as the model's, do not wait for it.
timmc_status copy_weights(timmc_model& model, size_t offset, const void* bytes, size_t count) {
  DeviceGuard guard;
  TIMMC_CHECK(guard.enter(model.device));
  TIMMC_CHECK(cudaMemcpyAsync(model.weights + offset, bytes, count, cudaMemcpyHostToDevice, model.stream));
  TIMMC_CHECK(cudaStreamSynchronize(model.stream));
  return TIMMC_OK;
}

timmc_status load_weights(timmc_model& model, FILE* file, const char* path) {
  const size_t piece = size_t(16) << 20;
  std::unique_ptr<char[]> buffer(new (std::nothrow) char[piece]);
  if (buffer == nullptr) return fail(TIMMC_OUT_OF_MEMORY, "no memory to read %s", path);
  size_t offset = 0;
  for (;;) {
    const size_t count = fread(buffer.get(), 1, piece, file);
    if (ferror(file)) return fail(TIMMC_BAD_WEIGHTS, "cannot read %s: %s", path, strerror(errno));
    if (count > weight_bytes - offset) return fail(TIMMC_BAD_WEIGHTS, "%s is longer than the %zu bytes of this model's weights", path, weight_bytes);
    if (count == 0) break;
    TIMMC_PASS(copy_weights(model, offset, buffer.get(), count));
    offset += count;
  }
  if (offset < weight_bytes) return fail(TIMMC_BAD_WEIGHTS, "%s has %zu bytes, this model's weights have %zu", path, offset, weight_bytes);
  return TIMMC_OK;
}

// Gives the handle away when it is whole, and frees it when it is not.
timmc_status finish(timmc_model* model, timmc_status status, timmc_model** result) {
  if (status == TIMMC_OK)
    *result = model;
  else
    timmc_destroy(model);
  return status;
}

} // namespace

extern "C" {

const timmc_tensor* timmc_inputs(void) { return inputs; }
const timmc_tensor* timmc_outputs(void) { return outputs; }

int timmc_output_index(const char* name) {
  for (int i = 0; name != nullptr && i < TIMMC_OUTPUTS; i++)
    if (strcmp(outputs[i].name, name) == 0) return i;
  return -1;
}

timmc_status timmc_create(const char* weights_path, int device, timmc_model** result) {
  if (weights_path == nullptr || result == nullptr) return fail(TIMMC_BAD_ARGUMENT, "timmc_create: a null pointer");
  *result = nullptr;
  FILE* file = fopen(weights_path, "rb");
  if (file == nullptr) return fail(TIMMC_BAD_WEIGHTS, "cannot open %s: %s", weights_path, strerror(errno));
  timmc_model* model = new (std::nothrow) timmc_model;
  timmc_status status = model == nullptr ? fail(TIMMC_OUT_OF_MEMORY, "no memory for a handle") : allocate(*model, device);
  if (status == TIMMC_OK) status = load_weights(*model, file, weights_path);
  fclose(file);
  return finish(model, status, result);
}

timmc_status timmc_create_from_memory(const void* weights, size_t bytes, int device, timmc_model** result) {
  if (weights == nullptr || result == nullptr) return fail(TIMMC_BAD_ARGUMENT, "timmc_create_from_memory: a null pointer");
  *result = nullptr;
  if (bytes != weight_bytes) return fail(TIMMC_BAD_WEIGHTS, "%zu bytes of weights, this model's are %zu", bytes, weight_bytes);
  timmc_model* model = new (std::nothrow) timmc_model;
  timmc_status status = model == nullptr ? fail(TIMMC_OUT_OF_MEMORY, "no memory for a handle") : allocate(*model, device);
  if (status == TIMMC_OK) status = copy_weights(*model, 0, weights, bytes);
  return finish(model, status, result);
}

timmc_status timmc_run_on_stream(timmc_model* model, const float* const* from, float* const* to, timmc_stream stream) {
  if (model == nullptr) return fail(TIMMC_BAD_ARGUMENT, "timmc_run_on_stream: a null handle");
  return enqueue(*model, from, to, stream);
}

timmc_status timmc_run(timmc_model* model, const float* const* from, float* const* to) {
  if (model == nullptr || from == nullptr || to == nullptr) return fail(TIMMC_BAD_ARGUMENT, "timmc_run: a null pointer");
  for (int i = 0; i < TIMMC_INPUTS; i++)
    if (from[i] == nullptr) return fail(TIMMC_BAD_ARGUMENT, "timmc_run: input %d (%s) is null", i, inputs[i].name);
  for (int i = 0; i < TIMMC_OUTPUTS; i++)
    if (to[i] == nullptr) return fail(TIMMC_BAD_ARGUMENT, "timmc_run: output %d (%s) is null", i, outputs[i].name);
  const timmc_status status = enqueue(*model, from, to, model->stream);
  // Also after a failure: the caller's memory is the caller's again.
  const cudaError_t ended = cudaStreamSynchronize(model->stream);
  if (status != TIMMC_OK) return status;
  TIMMC_CHECK(ended);
  return TIMMC_OK;
}

float* timmc_input_memory(timmc_model* model, int input) {
  if (model == nullptr || input < 0 || input >= TIMMC_INPUTS) return nullptr;
  return reinterpret_cast<float*>(model->memory + input_offsets[input]);
}

const float* timmc_output_memory(timmc_model* model, int output) {
  if (model == nullptr || output < 0 || output >= TIMMC_OUTPUTS) return nullptr;
  return reinterpret_cast<const float*>(model->memory + output_offsets[output]);
}

void timmc_destroy(timmc_model* model) {
  if (model == nullptr) return;
  {
    DeviceGuard guard;
    if (guard.enter(model->device) == cudaSuccess) {
      if (model->done != nullptr) cudaEventSynchronize(model->done);
      if (model->graph != nullptr) cudaGraphExecDestroy(model->graph);
      if (model->done != nullptr) cudaEventDestroy(model->done);
      if (model->stream != nullptr) cudaStreamDestroy(model->stream);
      cudaFree(model->memory);
      cudaFree(model->weights);
      cudaGetLastError();
    }
  }
  delete model;
}

const char* timmc_last_error(void) { return last_error; }

} // extern "C"
