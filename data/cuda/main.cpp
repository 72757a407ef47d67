// Runs, verifies and times the model beside it; also an example of how model.h is used.

#include "model.h"

#ifdef TIMMC_EMULATION
#include "emulation.h"
#else
#include <cuda_runtime_api.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

const char usage[] =
    "usage: model [options]\n"
    "  --weights FILE     weights.bin; default is the one in the present folder\n"
    "  --device N         which device; default 0\n"
    "  --input FILE       .npy of 32-bit floats, or their bytes in any other file; once for every input, in order\n"
    "                     (default: the same pseudo-random numbers each time)\n"
    "  --save DIR         writes every output into an existing folder as NAME.npy\n"
    "  --verify DIR       compares every output that DIR has as NAME.npy or NAME.bin, and fails where one is further off\n"
    "                     than the tolerance\n"
    "  --tolerance X      the largest error over the standard deviation of the expected output; default 1e-3\n"
    "  --time N           N timed runs: median and 95th percentile, by the device's clock, without copies\n"
    "  --describe         prints inputs and outputs as JSON and ends; needs no device\n"
    "  --pipe             prints that line, then for the bytes of all inputs on the standard input writes those of all\n"
    "                     outputs to the standard output, until the input ends\n"
    "exits with 0, 1 where it failed, 2 for wrong arguments, 3 where there is no CUDA device\n";

struct Failure : std::runtime_error {
  int code;
  Failure(int code, const std::string& text) : std::runtime_error(text), code(code) {}
};

[[noreturn]] void refuse(const std::string& text) { throw Failure(2, text + "\n" + usage); }

void check(timmc_status status) {
  if (status != TIMMC_OK) throw Failure(status == TIMMC_NO_DEVICE ? 3 : 1, timmc_last_error());
}

void check(cudaError_t error) {
  if (error != cudaSuccess) throw Failure(1, cudaGetErrorString(error));
}

struct Options {
  std::string weights = "weights.bin", save, verify;
  std::vector<std::string> inputs;
  int device = 0, time = 0;
  double tolerance = 1e-3;
  bool describe = false, pipe = false;
};

double number(const std::string& option, const std::string& text, double least) {
  char* end = nullptr;
  errno = 0;
  const double value = strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || errno != 0 || !(value >= least)) refuse(option + " takes a number from " + std::to_string(int(least)) + ", not " + text);
  return value;
}

int integer(const std::string& option, const std::string& text, int least) {
  const double value = number(option, text, least);
  if (value != std::floor(value) || value > 1e9) refuse(option + " takes a whole number, not " + text);
  return int(value);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string name = argv[i];
    if (name == "--help") {
      fputs(usage, stdout);
      exit(0);
    }
    if (name == "--describe" || name == "--pipe") {
      (name == "--pipe" ? options.pipe : options.describe) = true;
      continue;
    }
    const std::set<std::string> known = {"--weights", "--device", "--input", "--save", "--verify", "--tolerance", "--time"};
    if (known.count(name) == 0) refuse("there is no option " + name);
    if (++i == argc) refuse(name + " needs a value");
    const std::string value = argv[i];
    if (name == "--weights") options.weights = value;
    if (name == "--save") options.save = value;
    if (name == "--verify") options.verify = value;
    if (name == "--input") options.inputs.push_back(value);
    if (name == "--device") options.device = integer(name, value, 0);
    if (name == "--time") options.time = integer(name, value, 1);
    if (name == "--tolerance") options.tolerance = number(name, value, 0);
  }
  if (!options.inputs.empty() && options.inputs.size() != TIMMC_INPUTS)
    refuse("the model has " + std::to_string(TIMMC_INPUTS) + " input(s), not " + std::to_string(options.inputs.size()));
  if (options.pipe && (!options.inputs.empty() || !options.save.empty() || !options.verify.empty() || options.time > 0))
    refuse("--pipe goes with --weights and --device only");
  return options;
}

std::string shape_text(const timmc_tensor& tensor) {
  std::string text;
  for (int i = 0; i < tensor.rank; i++) text += (i > 0 ? ", " : "") + std::to_string(tensor.shape[i]);
  return text;
}

std::vector<char> read_file(const std::string& path) {
  FILE* file = fopen(path.c_str(), "rb");
  if (file == nullptr) throw Failure(1, "cannot open " + path + ": " + strerror(errno));
  std::vector<char> bytes;
  char piece[1 << 16];
  for (size_t n; (n = fread(piece, 1, sizeof piece, file)) > 0;) bytes.insert(bytes.end(), piece, piece + n);
  const bool failed = ferror(file) != 0;
  fclose(file);
  if (failed) throw Failure(1, "cannot read " + path);
  return bytes;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Where the elements of a .npy file begin; its header has to be that of little-endian floats of the tensor's shape.
size_t npy_data(const std::vector<char>& bytes, const std::string& path, const timmc_tensor& tensor) {
  const auto byte = [&](size_t i) { return size_t(static_cast<unsigned char>(bytes[i])); };
  if (bytes.size() < 12 || memcmp(bytes.data(), "\x93NUMPY", 6) != 0 || byte(6) < 1 || byte(6) > 2) throw Failure(1, path + " is no .npy file of version 1 or 2");
  const size_t begin = byte(6) == 1 ? 10 : 12;
  const size_t length = byte(6) == 1 ? byte(8) | byte(9) << 8 : byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  if (length > bytes.size() - begin) throw Failure(1, path + " ends within its header");
  const std::string header(bytes.data() + begin, length);
  if (header.find("'<f4'") == std::string::npos || header.find("'fortran_order': False") == std::string::npos)
    throw Failure(1, path + " has to hold 32-bit floats in C order: numpy.save(path, numpy.ascontiguousarray(x, dtype='<f4'))");
  std::string shape = "(" + shape_text(tensor) + (tensor.rank == 1 ? ",)" : ")");
  if (header.find("'shape': " + shape) == std::string::npos) throw Failure(1, path + " has to have the shape " + shape + " of " + tensor.name);
  return begin + length;
}

std::vector<float> read_tensor(const std::string& path, const timmc_tensor& tensor) {
  const std::vector<char> bytes = read_file(path);
  const size_t begin = ends_with(path, ".npy") ? npy_data(bytes, path, tensor) : 0;
  if (bytes.size() - begin != tensor.bytes)
    throw Failure(1, path + " has " + std::to_string(bytes.size() - begin) + " bytes of elements; " + tensor.name + " (" + shape_text(tensor) + ") has " + std::to_string(tensor.bytes));
  std::vector<float> numbers(tensor.elements);
  memcpy(numbers.data(), bytes.data() + begin, tensor.bytes);
  return numbers;
}

void write_npy(const std::string& path, const timmc_tensor& tensor, const std::vector<float>& numbers) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape_text(tensor) + (tensor.rank == 1 ? ",)" : ")") + ", }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  const unsigned char begin[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, static_cast<unsigned char>(header.size() & 255), static_cast<unsigned char>(header.size() >> 8)};
  FILE* file = fopen(path.c_str(), "wb");
  if (file == nullptr) throw Failure(1, "cannot write " + path + ": " + strerror(errno));
  bool written = fwrite(begin, 1, sizeof begin, file) == sizeof begin;
  written = fwrite(header.data(), 1, header.size(), file) == header.size() && written;
  written = fwrite(numbers.data(), 1, tensor.bytes, file) == tensor.bytes && written;
  if (fclose(file) != 0 || !written) throw Failure(1, "cannot write " + path);
}

// Names of the outputs that every file system takes, as timmc run --save has them.
std::vector<std::string> file_names() {
  std::set<std::string> taken;
  std::vector<std::string> names;
  for (int i = 0; i < TIMMC_OUTPUTS; i++) {
    std::string base = timmc_outputs()[i].name;
    for (char& letter : base)
      if (!isalnum(static_cast<unsigned char>(letter)) && strchr("_.+-", letter) == nullptr) letter = '_';
    std::string name = base;
    for (int n = 2; !taken.insert(name).second; n++) name = base + "~" + std::to_string(n);
    names.push_back(name);
  }
  return names;
}

std::string quoted(const char* text) {
  std::string out = "\"";
  for (; *text != '\0'; text++) {
    const unsigned char letter = static_cast<unsigned char>(*text);
    char code[8];
    snprintf(code, sizeof code, "\\u%04x", letter);
    out += letter < 32 || letter == '"' || letter == '\\' ? code : std::string(1, *text);
  }
  return out + "\"";
}

std::string described(const timmc_tensor* tensors, int count) {
  std::string out;
  for (int i = 0; i < count; i++)
    out += std::string(i > 0 ? ", " : "") + "{\"name\": " + quoted(tensors[i].name) + ", \"shape\": [" + shape_text(tensors[i]) + "]}";
  return "[" + out + "]";
}

void describe(const char* device) {
  const std::string inputs = described(timmc_inputs(), TIMMC_INPUTS), outputs = described(timmc_outputs(), TIMMC_OUTPUTS);
  printf("{\"device\": %s, \"inputs\": %s, \"outputs\": %s}\n", device == nullptr ? "null" : quoted(device).c_str(), inputs.c_str(), outputs.c_str());
  fflush(stdout);
}

using Tensors = std::vector<std::vector<float>>;

Tensors empty(const timmc_tensor* tensors, int count) {
  Tensors out;
  for (int i = 0; i < count; i++) out.emplace_back(tensors[i].elements);
  return out;
}

Tensors read_inputs(const Options& options) {
  Tensors inputs = empty(timmc_inputs(), TIMMC_INPUTS);
  unsigned state = 1;
  for (int i = 0; i < TIMMC_INPUTS; i++) {
    if (!options.inputs.empty()) {
      inputs[i] = read_tensor(options.inputs[i], timmc_inputs()[i]);
      continue;
    }
    for (float& x : inputs[i]) {
      state = state * 1664525u + 1013904223u;
      x = float(state >> 8) / float(1 << 23) - 1.0f;
    }
  }
  return inputs;
}

void run(timmc_model* model, const Tensors& inputs, Tensors& outputs) {
  std::vector<const float*> from;
  std::vector<float*> to;
  for (const auto& input : inputs) from.push_back(input.data());
  for (auto& output : outputs) to.push_back(output.data());
  check(timmc_run(model, from.data(), to.data()));
}

// One output against what is expected; false where it is further off than the tolerance. Errors are in units of the standard
// deviation of what is expected. A constant has none: the unit is then 2^-13 of its magnitude, so that the default tolerance
// allows about one rounding to float32 (2^-23), or for zeros 2^-100.
bool compare(const timmc_tensor& tensor, const std::vector<float>& actual, const std::vector<float>& expected, double tolerance) {
  double mean = 0, variance = 0, error = 0;
  for (float x : expected) mean += x / double(expected.size());
  for (float x : expected) variance += (x - mean) * (x - mean) / double(expected.size());
  for (size_t i = 0; i < expected.size(); i++) {
    const double off = std::fabs(double(actual[i]) - double(expected[i]));
    error = off <= error ? error : std::isnan(off) ? INFINITY : off;
  }
  const double unit = std::max({std::sqrt(variance), std::fabs(mean) * std::ldexp(1, -13), std::ldexp(1, -100)});
  const double relative = error / unit;
  const bool near = relative <= tolerance;
  printf("%s %s: largest error %.3g, %.3g of the standard deviation\n", near ? "ok  " : "FAIL", tensor.name, error, relative);
  return near;
}

bool verify(const Options& options, const Tensors& outputs) {
  const std::vector<std::string> names = file_names();
  int compared = 0, failed = 0;
  for (int i = 0; i < TIMMC_OUTPUTS; i++) {
    for (const char* ending : {".npy", ".bin"}) {
      const std::string path = options.verify + "/" + names[i] + ending;
      FILE* file = fopen(path.c_str(), "rb");
      if (file == nullptr) continue;
      fclose(file);
      const timmc_tensor& tensor = timmc_outputs()[i];
      if (!compare(tensor, outputs[i], read_tensor(path, tensor), options.tolerance)) failed++;
      compared++;
      break;
    }
  }
  if (compared == 0) throw Failure(1, options.verify + " has none of the outputs; the first is " + names[0] + ".npy");
  printf("%d of %d outputs compared, %d failed\n", compared, TIMMC_OUTPUTS, failed);
  return failed == 0;
}

void time_runs(timmc_model* model, const Options& options) {
  check(cudaSetDevice(options.device));
  cudaStream_t stream;
  cudaEvent_t begin, end;
  check(cudaStreamCreate(&stream));
  check(cudaEventCreate(&begin));
  check(cudaEventCreate(&end));
  std::vector<float> times;
  const int warm = std::min(10, options.time);
  for (int i = -warm; i < options.time; i++) {
    check(cudaEventRecord(begin, stream));
    check(timmc_run_on_stream(model, nullptr, nullptr, stream));
    check(cudaEventRecord(end, stream));
    check(cudaEventSynchronize(end));
    float time = 0;
    check(cudaEventElapsedTime(&time, begin, end));
    if (i >= 0) times.push_back(time);
  }
  check(cudaEventDestroy(begin));
  check(cudaEventDestroy(end));
  check(cudaStreamDestroy(stream));
  std::sort(times.begin(), times.end());
  const size_t last = times.size() - 1;
  printf("median %.4f ms, p95 %.4f ms, of %zu runs\n", (times[last / 2] + times[times.size() / 2]) / 2, times[size_t(std::ceil(double(last) * 0.95))], times.size());
}

// False where the input ends before the first byte of a run.
bool read_pipe(Tensors& inputs) {
  for (size_t i = 0; i < inputs.size(); i++) {
    const size_t bytes = inputs[i].size() * sizeof(float);
    const size_t n = fread(inputs[i].data(), 1, bytes, stdin);
    if (n == 0 && i == 0 && bytes > 0) return false;
    if (n != bytes) throw Failure(1, "the standard input ends within an input");
  }
  return true;
}

void pipe_runs(timmc_model* model, int device) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, device));
  describe(properties.name);
  Tensors inputs = empty(timmc_inputs(), TIMMC_INPUTS), outputs = empty(timmc_outputs(), TIMMC_OUTPUTS);
  while (read_pipe(inputs)) {
    run(model, inputs, outputs);
    for (const auto& output : outputs)
      if (fwrite(output.data(), sizeof(float), output.size(), stdout) != output.size()) throw Failure(1, "cannot write to the standard output");
    fflush(stdout);
  }
}

struct Destroy {
  void operator()(timmc_model* model) const { timmc_destroy(model); }
};

int work(const Options& options) {
  if (options.describe) {
    describe(nullptr);
    return 0;
  }
  timmc_model* created = nullptr;
  check(timmc_create(options.weights.c_str(), options.device, &created));
  const std::unique_ptr<timmc_model, Destroy> model(created);
  if (options.pipe) {
    pipe_runs(model.get(), options.device);
    return 0;
  }
  const Tensors inputs = read_inputs(options);
  Tensors outputs = empty(timmc_outputs(), TIMMC_OUTPUTS);
  run(model.get(), inputs, outputs);
  const std::vector<std::string> names = file_names();
  for (int i = 0; i < TIMMC_OUTPUTS && !options.save.empty(); i++)
    write_npy(options.save + "/" + names[i] + ".npy", timmc_outputs()[i], outputs[i]);
  const bool near = options.verify.empty() || verify(options, outputs);
  if (options.time > 0) time_runs(model.get(), options);
  return near ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return work(parse(argc, argv));
  } catch (const Failure& failure) {
    fprintf(stderr, "%s\n", failure.what());
    return failure.code;
  } catch (const std::exception& error) {
    fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
