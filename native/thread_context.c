/*
 * The optional native add-on: shows the thread context in the memory of the process, as OpenTelemetry's OTEP 4947 (thread
 * context) and OTEP 4719 (process context) describe it. Linux on x86-64 and arm64.
 *
 * It makes memory and names it. JavaScript writes the record (telemetry/thread-context/native-record.ts), so publishing a span
 * needs no call into C.
 *
 *   attach()                        sets `otel_thread_ctx_v1` of this thread to its record; returns the 28 bytes of the record
 *   publishProcessContext(payload)  maps the process context with the payload, once per process
 */
#if !defined(__linux__) || !(defined(__x86_64__) || defined(__aarch64__))
#error "the thread context in memory exists only on Linux, on x86-64 and arm64; elsewhere the file slot is used alone"
#endif

#define _GNU_SOURCE
#include <node_api.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#define CONTEXT_NAME "OTEL_CTX"
#define CONTEXT_VERSION 2

struct record {
  uint8_t trace_id[16];
  uint8_t span_id[8];
  uint8_t valid;
  uint8_t trace_flags;
  uint16_t attributes_size;
};
_Static_assert(sizeof(struct record) == 28, "the size of a record");

static _Thread_local struct record own_record;

/* Readers find this pointer by its name in the dynamic symbol table. */
__attribute__((visibility("default"), used)) _Thread_local struct record *volatile otel_thread_ctx_v1 = NULL;

struct context_header {
  char signature[8];
  uint32_t version;
  uint32_t payload_size;
  uint64_t published_at_ns;
  const uint8_t *payload;
};
_Static_assert(sizeof(struct context_header) == 32, "the size of the header");

/* Runs before a thread of Node ends. The record is in the memory of the thread, so nobody may read it afterwards. */
static void detach(void *unused) {
  (void)unused;
  otel_thread_ctx_v1 = NULL;
}

static napi_value attach(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value memory;
  if (otel_thread_ctx_v1 != NULL) return NULL;
  memset(&own_record, 0, sizeof own_record);
  if (napi_add_env_cleanup_hook(env, detach, NULL) != napi_ok) return NULL;
  if (napi_create_external_arraybuffer(env, &own_record, sizeof own_record, NULL, NULL, &memory) != napi_ok) return NULL;
  otel_thread_ctx_v1 = &own_record;
  return memory;
}

/* Whether the process has a process context, for example of an OpenTelemetry SDK. There should not be two. */
static int has_process_context(void) {
  char line[4096];
  int found = 0;
  FILE *maps = fopen("/proc/self/maps", "re");
  if (maps == NULL) return 0;
  while (!found && fgets(line, sizeof line, maps) != NULL)
    found = strstr(line, "/memfd:" CONTEXT_NAME) != NULL || strstr(line, "[anon_shmem:" CONTEXT_NAME) != NULL ||
            strstr(line, "[anon:" CONTEXT_NAME) != NULL;
  fclose(maps);
  return found;
}

/* Maps memory that /proc/PID/maps shows under the name of the context, or anonymous memory if the kernel has no memfd. */
static void *map_context(size_t size) {
  int file = memfd_create(CONTEXT_NAME, MFD_CLOEXEC);
  void *memory = MAP_FAILED;
  if (file >= 0) {
    if (ftruncate(file, (off_t)size) == 0) memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    close(file);
  }
  if (memory == MAP_FAILED) memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory;
}

static void publish(const uint8_t *payload, uint32_t payload_size) {
  size_t size = sizeof(struct context_header) + payload_size;
  struct timespec now;
  struct context_header *header = map_context(size);
  if (header == MAP_FAILED) return;
  if (madvise(header, size, MADV_DONTFORK) != 0 || clock_gettime(CLOCK_REALTIME, &now) != 0) {
    munmap(header, size);
    return;
  }
  memcpy(header + 1, payload, payload_size);
  header->version = CONTEXT_VERSION;
  header->payload_size = payload_size;
  header->published_at_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  header->payload = (const uint8_t *)(header + 1);
  /* The signature makes the mapping valid, so it comes last. */
  atomic_thread_fence(memory_order_seq_cst);
  memcpy(header->signature, CONTEXT_NAME, sizeof header->signature);
  /* Fails on kernels without names for anonymous memory. There, readers find the mapping only by the name of the memfd. */
  (void)prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, header, size, CONTEXT_NAME);
}

static napi_value publish_process_context(napi_env env, napi_callback_info info) {
  static atomic_flag published = ATOMIC_FLAG_INIT;
  size_t count = 1;
  napi_value argument;
  napi_typedarray_type type;
  size_t size;
  void *payload;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count != 1) return NULL;
  if (napi_get_typedarray_info(env, argument, &type, &size, &payload, NULL, NULL) != napi_ok) return NULL;
  if (type != napi_uint8_array || size > UINT16_MAX) return NULL;
  if (!atomic_flag_test_and_set(&published) && !has_process_context()) publish(payload, (uint32_t)size);
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_property_descriptor methods[] = {
      {"attach", NULL, attach, NULL, NULL, NULL, napi_enumerable, NULL},
      {"publishProcessContext", NULL, publish_process_context, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  if (napi_define_properties(env, exports, sizeof methods / sizeof methods[0], methods) != napi_ok) return NULL;
  return exports;
}
