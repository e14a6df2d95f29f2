// Compiled into the add-on of tfjs-node-gpu ahead of its own source (`c++ -include`). The add-on's own code stays as it is; two of its
// calls of TensorFlow go through here.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "tensorflow/c/c_api.h"

// A session takes its options from the file session_config.pb (a serialised tensorflow.ConfigProto) beside its graph, where there is
// one: the add-on has none. Memory that was freed before, while the graph was recorded, goes back to the system.
static inline TF_Session* LoadSessionWithConfig(TF_SessionOptions* options, const TF_Buffer* run_options, const char* folder,
                                                const char* const* tags, int tags_length, TF_Graph* graph,
                                                TF_Buffer* meta_graph, TF_Status* status) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  std::ifstream file(std::string(folder) + "/session_config.pb", std::ios::binary);
  if (file) {
    const std::string config((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    TF_SetConfig(options, config.data(), config.size(), status);
    if (TF_GetCode(status) != TF_OK) return nullptr;
  }
  return TF_LoadSessionFromSavedModel(options, run_options, folder, tags, tags_length, graph, meta_graph, status);
}
#define TF_LoadSessionFromSavedModel LoadSessionWithConfig

#if defined(__linux__) && defined(MADV_HUGEPAGE)
static inline void UnmapTensor(void* data, size_t length, void*) { munmap(data, length); }

// Memory in huge pages, or nullptr. A product with one row reads all weights once, and so is as fast as the memory (measured: 4 KiB
// pages 17 to 20 GB/s, huge ones 23 to 29).
static inline void* MapHugePages(size_t length) {
  const size_t huge = size_t{1} << 21;
  const size_t page = sysconf(_SC_PAGESIZE);
  const size_t used = (length + page - 1) / page * page;
  if (length < 2 * huge) return nullptr;
  void* mapped = mmap(nullptr, used + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* start = static_cast<char*>(mapped);
  const size_t before = (huge - reinterpret_cast<size_t>(start) % huge) % huge;
  if (before > 0) munmap(start, before);
  char* aligned = start + before;
  if (before < huge) munmap(aligned + used, huge - before);
  madvise(aligned, length / huge * huge, MADV_HUGEPAGE);
  return aligned;
}
#else
static inline void UnmapTensor(void*, size_t, void*) {}
static inline void* MapHugePages(size_t) { return nullptr; }
#endif

// Values from JavaScript are always copied. TensorFlow copies them only where they are not aligned as it needs it, and keeps the others,
// to be given back when the tensor ends: in a session that is on a thread of its own, where N-API must not be called. (Two that ended
// at once destroyed the heap.)
static inline TF_Tensor* NewTensorOfCopy(TF_DataType type, const int64_t* shape, int rank, void* data, size_t length,
                                         void (*deallocator)(void*, size_t, void*), void* argument) {
  void* mapped = MapHugePages(length);
  TF_Tensor* tensor = mapped ? TF_NewTensor(type, shape, rank, mapped, length, UnmapTensor, nullptr)
                             : TF_AllocateTensor(type, shape, rank, length);
  if (length > 0 && (tensor == nullptr || TF_TensorData(tensor) == nullptr)) {
    fprintf(stderr, "gptlab: no memory for a tensor of %zu bytes\n", length);
    abort();  // the add-on cannot go on without a tensor
  }
  if (length > 0) memcpy(TF_TensorData(tensor), data, length);
  deallocator(data, length, argument);
  return tensor;
}
#define TF_NewTensor NewTensorOfCopy
