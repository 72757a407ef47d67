// CUDA on the host: what model.cu and main.cpp use of the runtime, in C++17 with no driver. The same source, compiled with
// -DTIMMC_EMULATION by a C++ compiler, runs its kernels here, to test numbers and to look for races and wrong indices.
//
// A block is run by one thread of the host: a thread of the block runs until it ends or waits, then the next. Those that wait are
// fibers, stacks that are switched by hand; where nothing waits there is one fiber and no switch. Blocks go side by side over the
// host's threads. With -DTIMMC_EMULATION_THREADS every thread of a block is one of the host, blocks go one after the other, and
// the thread sanitizer sees what no barrier keeps apart.
//
// Work of the device is done at once, or with -DTIMMC_EMULATION_LATE as late as CUDA allows: when the host, or a stream that does,
// waits for it. So nothing comes before what it does not wait for, as on a device it might.
//
// Not kept: rounding of the device's own functions, partial masks of a warp, and the caches of a multiprocessor. A barrier that
// some threads never reach ends the program; with threads, an early return before a later barrier does too.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define TIMMC_EMULATION_BOUNDS 1
#endif

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#ifndef __restrict__
#define __restrict__ __restrict
#endif
#define __launch_bounds__(...)
#ifdef TIMMC_EMULATION_THREADS
#define __shared__ static
#else
#define __shared__ static thread_local
#endif

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// ---- half precision

struct __half {
  _Float16 value;
};
inline float __half2float(__half x) { return float(x.value); }
inline __half __float2half_rn(float x) { return {_Float16(x)}; }
inline __half __float2half(float x) { return __float2half_rn(x); }

namespace timmc_emulation {

// ---- one block

// A thread of a block.
struct Thread {
  uint3 index{}, block{};
  dim3 block_size, grid;
  unsigned number = 0;
};

inline thread_local Thread* current = nullptr;
// For every warp a place of 16 bytes for each of its threads, to pass values through.
inline thread_local unsigned char (*slots)[32][16] = nullptr;

void block_barrier();
void warp_barrier();

inline void place(Thread& thread, unsigned number, dim3 block_size, dim3 grid, uint3 block) {
  thread.number = number;
  thread.block_size = block_size;
  thread.grid = grid;
  thread.block = block;
  thread.index = {number % block_size.x, number / block_size.x % block_size.y, number / (block_size.x * block_size.y)};
}

[[noreturn]] inline void deadlock() {
  fprintf(stderr, "emulation: a barrier that some threads never reach\n");
  abort();
}

inline unsigned volume(dim3 size) { return size.x * size.y * size.z; }

#ifdef TIMMC_EMULATION_THREADS

class Barrier {
 public:
  explicit Barrier(unsigned count) : count_(count) {}
  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    const unsigned long turn = turn_;
    if (++waiting_ == count_) {
      waiting_ = 0;
      turn_++;
      changed_.notify_all();
    } else {
      changed_.wait(lock, [&] { return turn_ != turn; });
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned count_, waiting_ = 0;
  unsigned long turn_ = 0;
};

inline Barrier* whole = nullptr;
inline std::vector<std::unique_ptr<Barrier>>* warps = nullptr;

inline void block_barrier() { whole->wait(); }
inline void warp_barrier() { (*warps)[current->number / 32]->wait(); }

inline void run_grid(dim3 grid, dim3 block, const std::function<void()>& body) {
  // What a block shares is there once: launches of several threads of the host go one after the other.
  static std::mutex one;
  std::lock_guard<std::mutex> lock(one);
  const unsigned count = volume(block), warp_count = (count + 31) / 32;
  Barrier all(count);
  std::vector<std::unique_ptr<Barrier>> each;
  for (unsigned w = 0; w < warp_count; w++) each.push_back(std::make_unique<Barrier>(std::min(32u, count - 32 * w)));
  whole = &all;
  warps = &each;
  std::unique_ptr<unsigned char[][32][16]> memory(new unsigned char[warp_count][32][16]);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < count; t++)
    threads.emplace_back([&, t] {
      Thread self;
      current = &self;
      slots = memory.get();
      for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
          for (unsigned x = 0; x < grid.x; x++) {
            place(self, t, block, grid, {x, y, z});
            body();
            whole->wait();
          }
    });
  for (auto& thread : threads) thread.join();
}

#else

// ---- fibers

#if defined(__x86_64__)
// Keeps what a call must keep, and goes on where the other stack stands.
extern "C" void timmc_switch(void** from, void* to);
asm(".text\n"
    ".weak timmc_switch\n"
    ".type timmc_switch, @function\n"
    "timmc_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".size timmc_switch, . - timmc_switch\n");

struct Stack {
  void* pointer = nullptr;
  static void go(Stack& from, Stack& to) { timmc_switch(&from.pointer, to.pointer); }
  void prepare(char* memory, size_t size, void (*entry)()) {
    void** top = reinterpret_cast<void**>((reinterpret_cast<uintptr_t>(memory) + size) & ~uintptr_t(15));
    *--top = nullptr;
    *--top = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; i++) *--top = nullptr;
    pointer = top;
  }
};
#else
} // namespace timmc_emulation
#include <ucontext.h>
namespace timmc_emulation {
struct Stack {
  ucontext_t context;
  static void go(Stack& from, Stack& to) { swapcontext(&from.context, &to.context); }
  void prepare(char* memory, size_t size, void (*entry)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = memory;
    context.uc_stack.ss_size = size;
    context.uc_link = nullptr;
    makecontext(&context, entry, 0);
  }
};
#endif

// Stacks a power of two apart would share their lines of the cache.
constexpr size_t stack_bytes = (size_t(48) << 10) + 1088;

// Runs one block after the other on the host's thread at hand.
class Runner {
 public:
  Runner(dim3 block, const std::function<void()>& body)
      : body_(body), size_(block), count_(volume(block)), warp_waiting_((count_ + 31) / 32), warp_left_((count_ + 31) / 32),
        memory_(new unsigned char[(count_ + 31) / 32][32][16]) {}
  Runner(const Runner&) = delete;

  void run(dim3 grid, uint3 block) {
    self() = this;
    slots = memory_.get();
    grid_ = grid;
    block_ = block;
    started_ = 0;
    left_ = count_;
    block_waiting_ = 0;
    for (unsigned w = 0; w < warp_left_.size(); w++) {
      warp_waiting_[w] = 0;
      warp_left_[w] = std::min(32u, count_ - 32 * w);
    }
    while (started_ < count_) resume(idle());
    while (left_ > 0) {
      bool ran = false;
      for (size_t i = 0; i < fibers_.size(); i++)
        if (fibers_[i]->waits == Waits::no) {
          resume(*fibers_[i]);
          ran = true;
        }
      if (!ran) deadlock();
    }
    current = nullptr;
  }

  static Runner*& self() {
    static thread_local Runner* runner = nullptr;
    return runner;
  }

  void wait_block() {
    running_->waits = Waits::block;
    block_waiting_++;
    release_block();
    leave();
  }

  void wait_warp() {
    const unsigned warp = running_->thread.number / 32;
    running_->waits = Waits::warp;
    warp_waiting_[warp]++;
    release_warp(warp);
    leave();
  }

 private:
  enum class Waits { no, block, warp, idle };
  struct Fiber {
    Stack stack;
    std::unique_ptr<char[]> memory;
    Thread thread;
    Waits waits = Waits::idle;
  };

  // A fiber runs thread after thread, as long as some have not begun.
  static void entry() {
    for (;;) {
      Runner& runner = *self();
      while (runner.started_ < runner.count_) runner.next();
      runner.running_->waits = Waits::idle;
      runner.leave();
    }
  }

  void next() {
    place(running_->thread, started_++, size_, grid_, block_);
    current = &running_->thread;
    body_();
    const unsigned warp = running_->thread.number / 32;
    left_--;
    warp_left_[warp]--;
    release_block();
    release_warp(warp);
  }

  // A barrier opens when all threads that are left wait for it.
  void release_block() {
    if (block_waiting_ == 0 || block_waiting_ < left_) return;
    block_waiting_ = 0;
    for (auto& fiber : fibers_)
      if (fiber->waits == Waits::block) fiber->waits = Waits::no;
  }

  void release_warp(unsigned warp) {
    if (warp_waiting_[warp] == 0 || warp_waiting_[warp] < warp_left_[warp]) return;
    warp_waiting_[warp] = 0;
    for (auto& fiber : fibers_)
      if (fiber->waits == Waits::warp && fiber->thread.number / 32 == warp) fiber->waits = Waits::no;
  }

  Fiber& idle() {
    for (auto& fiber : fibers_)
      if (fiber->waits == Waits::idle) return *fiber;
    fibers_.push_back(std::make_unique<Fiber>());
    Fiber& fiber = *fibers_.back();
    fiber.memory.reset(new char[stack_bytes]);
    fiber.stack.prepare(fiber.memory.get(), stack_bytes, entry);
    return fiber;
  }

  void resume(Fiber& fiber) {
    fiber.waits = Waits::no;
    running_ = &fiber;
    current = &fiber.thread;
    Stack::go(scheduler_, fiber.stack);
  }

  void leave() { Stack::go(running_->stack, scheduler_); }

  const std::function<void()>& body_;
  const dim3 size_;
  const unsigned count_;
  dim3 grid_;
  uint3 block_{};
  unsigned started_ = 0, left_ = 0, block_waiting_ = 0;
  std::vector<unsigned> warp_waiting_, warp_left_;
  std::unique_ptr<unsigned char[][32][16]> memory_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  Fiber* running_ = nullptr;
  Stack scheduler_;
};

__attribute__((noinline)) inline void block_barrier() { Runner::self()->wait_block(); }
__attribute__((noinline)) inline void warp_barrier() { Runner::self()->wait_warp(); }

inline void run_grid(dim3 grid, dim3 block, const std::function<void()>& body) {
  const unsigned long blocks = static_cast<unsigned long>(grid.x) * grid.y * grid.z;
  std::atomic<unsigned long> next{0};
  const auto work = [&] {
    Runner runner(block, body);
    for (unsigned long q; (q = next++) < blocks;)
      runner.run(grid, {unsigned(q % grid.x), unsigned(q / grid.x % grid.y), unsigned(q / grid.x / grid.y)});
  };
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < cores && i < blocks; i++) helpers.emplace_back(work);
  work();
  for (auto& helper : helpers) helper.join();
}

#endif

// ---- what the threads of a warp do together

// Every thread gives 16 bytes at most; `take` sees those of its warp.
template <typename T, typename F> auto together(const T& mine, F take) {
  static_assert(sizeof(T) <= 16, "a thread passes 16 bytes at most");
  const unsigned warp = current->number / 32, lane = current->number % 32;
  memcpy(slots[warp][lane], &mine, sizeof mine);
  warp_barrier();
  const auto result = take([&](unsigned from) {
    T value;
    memcpy(&value, slots[warp][from % 32], sizeof value);
    return value;
  });
  warp_barrier();
  return result;
}

template <typename T> T shuffle(T mine, unsigned from) {
  return together(mine, [&](auto of) { return of(from); });
}

// Two halves of a register.
inline float low(unsigned pair) {
  _Float16 x;
  memcpy(&x, &pair, 2);
  return float(x);
}
inline float high(unsigned pair) { return low(pair >> 16); }

template <int N> struct Registers {
  unsigned r[N];
};

// mma.sync.m16n8k8 for depth 1 and m16n8k16 for 2, with the registers of the instruction set: see prelude.cuh.
template <int depth>
inline void mma(float& d0, float& d1, float& d2, float& d3, const Registers<2 * depth>& a, const Registers<depth>& b) {
  const unsigned lane = current->number % 32, g = lane / 4, t = lane % 4;
  float rows[2][8 * depth], columns[2][8 * depth];
  together(a, [&](auto of) {
    for (unsigned from = 0; from < 4; from++)
      for (unsigned i = 0; i < 2 * depth; i++) {
        const unsigned word = of(4 * g + from).r[i];
        rows[i % 2][i / 2 * 8 + 2 * from] = low(word);
        rows[i % 2][i / 2 * 8 + 2 * from + 1] = high(word);
      }
    return 0;
  });
  together(b, [&](auto of) {
    for (unsigned column = 0; column < 2; column++)
      for (unsigned from = 0; from < 4; from++)
        for (unsigned i = 0; i < depth; i++) {
          const unsigned word = of(4 * (2 * t + column) + from).r[i];
          columns[column][i * 8 + 2 * from] = low(word);
          columns[column][i * 8 + 2 * from + 1] = high(word);
        }
    return 0;
  });
  float* const d[4] = {&d0, &d1, &d2, &d3};
  for (unsigned i = 0; i < 4; i++)
    for (unsigned k = 0; k < 8 * depth; k++) *d[i] += rows[i / 2][k] * columns[i % 2][k];
}

} // namespace timmc_emulation

#define threadIdx (timmc_emulation::current->index)
#define blockIdx (timmc_emulation::current->block)
#define blockDim (timmc_emulation::current->block_size)
#define gridDim (timmc_emulation::current->grid)

inline void __syncthreads() { timmc_emulation::block_barrier(); }
inline void __syncwarp(unsigned = ~0u) { timmc_emulation::warp_barrier(); }
template <typename T> T __shfl_sync(unsigned, T value, int from) { return timmc_emulation::shuffle(value, unsigned(from)); }
template <typename T> T __shfl_xor_sync(unsigned, T value, int mask) {
  return timmc_emulation::shuffle(value, timmc_emulation::current->number % 32 ^ unsigned(mask));
}
template <typename T> T __shfl_down_sync(unsigned, T value, unsigned by) {
  const unsigned lane = timmc_emulation::current->number % 32;
  return timmc_emulation::shuffle(value, lane + by < 32 ? lane + by : lane);
}
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }

// ---- the runtime: one device, whose memory is the host's

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorLaunchFailure = 719,
};
inline const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    default:
      return "an error of the emulation";
  }
}

enum cudaMemcpyKind { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice, cudaMemcpyDefault };
enum cudaStreamCaptureStatus { cudaStreamCaptureStatusNone, cudaStreamCaptureStatusActive };
enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal };
enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2 };

// The launches of a captured stream.
struct CUgraph_st {
  std::vector<std::function<void()>> launches;
};
namespace timmc_emulation {
// What is to be done yet, and how much was done before it. It outlives its stream for the events behind it.
struct Work {
  std::deque<std::function<void()>> left;
  unsigned long done = 0;
  unsigned long end() const { return done + left.size(); }
};
} // namespace timmc_emulation
struct CUstream_st {
  CUgraph_st* captured = nullptr;
  const std::shared_ptr<timmc_emulation::Work> work = std::make_shared<timmc_emulation::Work>();
};
struct CUevent_st {
  std::chrono::steady_clock::time_point time;
  // Behind so much of a stream's work.
  std::shared_ptr<timmc_emulation::Work> work;
  unsigned long place = 0;
};
typedef CUstream_st* cudaStream_t;
typedef CUevent_st* cudaEvent_t;
typedef CUgraph_st* cudaGraph_t;
typedef CUgraph_st* cudaGraphExec_t;

namespace timmc_emulation {

// The stream that a null stream is.
inline CUstream_st legacy;
inline CUstream_st& streamOf(cudaStream_t stream) { return stream == nullptr ? legacy : *stream; }

// Calls of a program that tests look at: cudaSetDevice so far, and launches until one fails, if any does.
inline std::atomic<int> devices_set{0}, launches_left{-1};

inline void enqueue(cudaStream_t to, std::function<void()> work) {
  CUstream_st& stream = streamOf(to);
  if (stream.captured != nullptr) {
    stream.captured->launches.push_back(std::move(work));
    return;
  }
#ifdef TIMMC_EMULATION_LATE
  stream.work->left.push_back(std::move(work));
#else
  work();
#endif
}

// Does work up to a place, and ahead of it what that waits for.
inline void finish(Work& work, unsigned long place) {
  while (work.done < place) {
    const std::function<void()> next = std::move(work.left.front());
    work.left.pop_front();
    work.done++;
    next();
  }
}

} // namespace timmc_emulation

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
struct cudaDeviceProp {
  char name[256];
};
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  snprintf(properties->name, sizeof properties->name, "emulation");
  return device == 0 ? cudaSuccess : cudaErrorInvalidDevice;
}
inline cudaError_t cudaSetDevice(int device) {
  timmc_emulation::devices_set++;
  return device == 0 ? cudaSuccess : cudaErrorInvalidDevice;
}
inline cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  // What was not written is not a number: 0xff.. is a NaN.
  *pointer = aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*pointer == nullptr) return cudaErrorMemoryAllocation;
  memset(*pointer, 0xff, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaFree(void* pointer) {
  free(pointer);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  timmc_emulation::enqueue(stream, [=] { memcpy(to, from, bytes); });
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = new CUstream_st;
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) { return cudaStreamCreate(stream); }
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  timmc_emulation::finish(*stream->work, stream->work->end());
  delete stream;
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  timmc_emulation::Work& work = *timmc_emulation::streamOf(stream).work;
  timmc_emulation::finish(work, work.end());
  return cudaSuccess;
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (event->work != nullptr)
    timmc_emulation::enqueue(stream, [work = event->work, place = event->place] { timmc_emulation::finish(*work, place); });
  return cudaSuccess;
}
inline cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = stream != nullptr && stream->captured != nullptr ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  stream->captured = new CUgraph_st;
  return cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = stream->captured;
  stream->captured = nullptr;
  return *graph == nullptr ? cudaErrorInvalidValue : cudaSuccess;
}
inline cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  *made = new CUgraph_st(*graph);
  return cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) { return cudaGraphDestroy(graph); }
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  for (const auto& launch : graph->launches) timmc_emulation::enqueue(stream, launch);
  return cudaSuccess;
}
inline cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new CUevent_st;
  return cudaSuccess;
}
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return cudaEventCreate(event); }
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t on) {
  event->work = timmc_emulation::streamOf(on).work;
  event->place = event->work->end();
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->work != nullptr) timmc_emulation::finish(*event->work, event->place);
  return cudaSuccess;
}
inline cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t from, cudaEvent_t to) {
  *ms = std::chrono::duration<float, std::milli>(to->time - from->time).count();
  return cudaSuccess;
}

namespace timmc_emulation {
template <typename... P, size_t... I>
std::function<void()> bound(void (*kernel)(P...), void** arguments, std::index_sequence<I...>) {
  const std::tuple<P...> values(*static_cast<P*>(arguments[I])...);
  return [kernel, values] { kernel(std::get<I>(values)...); };
}
} // namespace timmc_emulation

namespace timmc_emulation {

// As long as it lives, kernels that this thread launches have of some memories only what is opened: whenever they run, the address
// sanitizer finds an access beside it.
class Bounds {
 public:
  using Memory = std::pair<const void*, size_t>;
  explicit Bounds(std::initializer_list<Memory> memories) : memories_(memories) { now() = this; }
  Bounds(const Bounds&) = delete;
  ~Bounds() { now() = nullptr; }
  void open(const void* memory, size_t bytes) { open_.emplace_back(memory, bytes); }

  // What `run` does, within the bounds that hold now.
  static std::function<void()> keep(std::function<void()> run) {
#ifdef TIMMC_EMULATION_BOUNDS
    if (now() == nullptr) return run;
    return [run, memories = now()->memories_, open = now()->open_] {
      for (const Memory& memory : memories) ASAN_POISON_MEMORY_REGION(memory.first, memory.second);
      for (const Memory& memory : open) ASAN_UNPOISON_MEMORY_REGION(memory.first, memory.second);
      run();
      for (const Memory& memory : memories) ASAN_UNPOISON_MEMORY_REGION(memory.first, memory.second);
    };
#else
    return run;
#endif
  }

 private:
  static Bounds*& now() {
    static thread_local Bounds* bounds = nullptr;
    return bounds;
  }
  const std::vector<Memory> memories_;
  std::vector<Memory> open_;
};

} // namespace timmc_emulation

template <typename... P>
cudaError_t cudaLaunchKernel(void (*kernel)(P...), dim3 grid, dim3 block, void** arguments, size_t, cudaStream_t stream) {
  if (timmc_emulation::launches_left >= 0 && timmc_emulation::launches_left-- == 0) return cudaErrorLaunchFailure;
  const std::function<void()> body = timmc_emulation::bound(kernel, arguments, std::index_sequence_for<P...>());
  timmc_emulation::enqueue(stream, timmc_emulation::Bounds::keep([=] { timmc_emulation::run_grid(grid, block, body); }));
  return cudaSuccess;
}
