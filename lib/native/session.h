// Compiled into the add-on of tfjs-node-gpu ahead of its own source (`c++ -include`). The add-on's own code stays as it is; two of its
// calls of TensorFlow go through here.
#pragma once

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
  std::ifstream file(std::string(folder) + "session_config.pb", std::ios::binary);
  if (file) {
    const std::string config((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    TF_SetConfig(options, config.data(), config.size(), status);
    if (TF_GetCode(status) != TF_OK) return nullptr;
  }
  return TF_LoadSessionFromSavedModel(options, run_options, folder, tags, tags_length, graph, meta_graph, status);
}
#define TF_LoadSessionFromSavedModel LoadSessionWithConfig

#if defined(__linux__) && defined(MADV_HUGEPAGE)
static const size_t kHugePage = size_t{1} << 21;

static inline void UnmapTensor(void* data, size_t length, void*) { munmap(data, length); }

// Large tensors that come from JavaScript, which are mostly weights, are copied to huge pages: a product with one row reads all weights
// once, and so is as fast as the memory (measured: 4 KiB pages 17 to 20 GB/s, huge ones 23 to 29). TensorFlow would copy them too,
// because JavaScript's memory is not aligned as it needs it.
static inline TF_Tensor* NewTensorOnHugePages(TF_DataType type, const int64_t* shape, int rank, void* data, size_t length,
                                              void (*deallocator)(void*, size_t, void*), void* argument) {
  if (length >= 2 * kHugePage) {
    const size_t page = sysconf(_SC_PAGESIZE);
    const size_t used = (length + page - 1) / page * page;
    void* mapped = mmap(nullptr, used + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped != MAP_FAILED) {
      char* start = static_cast<char*>(mapped);
      const size_t before = (kHugePage - reinterpret_cast<size_t>(start) % kHugePage) % kHugePage;
      char* aligned = start + before;
      if (before > 0) munmap(start, before);
      if (before < kHugePage) munmap(aligned + used, kHugePage - before);
      madvise(aligned, length / kHugePage * kHugePage, MADV_HUGEPAGE);
      memcpy(aligned, data, length);
      deallocator(data, length, argument);
      return TF_NewTensor(type, shape, rank, aligned, length, UnmapTensor, nullptr);
    }
  }
  return TF_NewTensor(type, shape, rank, data, length, deallocator, argument);
}
#define TF_NewTensor NewTensorOnHugePages
#endif
