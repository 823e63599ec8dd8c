// What this package uses of PJRT's C API (openxla/xla, xla/pjrt/c/pjrt_c_api.h, version 0.104). A function keeps its place in the
// table, and a struct its first fields, for as long as the major version is 0.

#ifndef M6LAB_PLUGIN_H
#define M6LAB_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  size_t struct_size;
  void* extension;
  const char* name;
  size_t name_size;
  int type;  // 1: int64
  union { int64_t number; const char* text; } value;
  size_t value_size;
} named_value;

typedef struct {
  size_t struct_size;
  void* extension;
  const named_value* options;
  size_t num_options;
  void* callbacks[4];
  void* client;  // out
} client_create_args;

typedef struct {
  size_t struct_size;
  void* extension;
  void* client;
  void* const* devices;  // out
  size_t num_devices;    // out
} client_devices_args;

// A number that a device may not know, each followed by whether it does.
typedef struct { int64_t number; bool known; } maybe;

typedef struct {
  size_t struct_size;
  void* extension;
  void* device;
  int64_t in_use;                                                   // out
  maybe peak, allocations, largest, limit, reserved, peak_reserved;  // out
  maybe reservable, largest_free, pool, peak_pool;                   // out
} device_memory_args;

typedef struct {
  size_t struct_size;
  void* extension;
  char* code;
  size_t code_size;
  const char* format;
  size_t format_size;
} program_text;

typedef struct {
  size_t struct_size;
  void* extension;
  void* client;
  const program_text* program;
  const char* options;
  size_t options_size;
  void* loaded;  // out
} compile_args;

typedef struct {
  size_t struct_size;
  void* extension;
  void* loaded;
  void* executable;  // out
} get_executable_args;

typedef struct {
  size_t struct_size;
  void* extension;
  void* object;
} one_object_args;

typedef struct {
  size_t struct_size;
  void* extension;
  const void* error;
  const char* message;  // out
  size_t message_size;  // out
} error_message_args;

typedef struct {
  size_t struct_size;
  void* extension;
  void* executable;
  int64_t code, arguments, outputs, aliases, temporaries;                           // out
  int64_t host_code, host_arguments, host_outputs, host_aliases, host_temporaries;  // out
  int64_t peak, total, allocations, indefinite, unpadded_peak;                      // out
} memory_args;

typedef struct {
  size_t struct_size;
  void* extension;
  void* executable;
  program_text* program;
} optimized_args;

typedef struct {
  size_t struct_size;
  void* extension;
  const void* executable;
  const char* bytes;        // out
  size_t bytes_size;        // out
  void* serialized;         // out, holds the bytes
  void (*deleter)(void*);   // out
} serialize_args;

typedef struct {
  size_t struct_size;
  void* extension;
  void* client;
  const char* bytes;
  size_t bytes_size;
  void* loaded;  // out
  const char* options;
  size_t options_size;
} deserialize_args;

// wrap returns a copy of the function table of the plugin at path, whose clients have as many devices as set_devices said (0: as many as
// there are) and whose programs go through m6labCompile; NULL where it cannot, then *why says why not.
void* wrap(const char* path, const char** why);
void set_devices(int64_t devices);

// this_thread tells the thread that calls it from others.
uintptr_t this_thread(void);

// compile is the plugin's own; it returns its error.
void* compile(compile_args* args);

// The others return what went wrong, to be freed, or NULL. to is the handle of a Go slice that takes bytes.
char* deserialize(compile_args* args, const void* bytes, size_t size);
char* serialize(void* loaded, uintptr_t to);
char* optimized(void* loaded, uintptr_t to);
char* memory(void* loaded, memory_args* m);
char* device_memory(int device, device_memory_args* m);

#endif
