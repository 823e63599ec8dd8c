#include "plugin.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"

// Places of functions in the table, counted behind its head.
enum {
  ERROR_DESTROY = 0,
  ERROR_MESSAGE = 1,
  CLIENT_CREATE = 10,
  CLIENT_DEVICES = 16,
  CLIENT_COMPILE = 20,
  DEVICE_MEMORY = 34,
  EXECUTABLE_DESTROY = 40,
  OPTIMIZED_PROGRAM = 48,
  SERIALIZE = 49,
  GET_EXECUTABLE = 51,
  DESERIALIZE = 56,
  MEMORY_STATS = 96,
  FUNCTIONS = 97
};

typedef void* (*function)(void* args);

typedef struct {
  size_t struct_size;
  void* extension;
  struct { size_t struct_size; void* extension; int major, minor; } version;
  function functions[FUNCTIONS];
} table;

static const table* plugin;  // the plugin's own
static int64_t device_count;
static void* client;  // the last one made

void set_devices(int64_t devices) { device_count = devices; }

// client_create adds the option cpu_device_count, which the CPU plugin knows and go-xla cannot pass.
static void* client_create(void* p) {
  client_create_args* args = p;
  if (!device_count) {
    void* error = plugin->functions[CLIENT_CREATE](p);
    client = args->client;
    return error;
  }
  const named_value* given = args->options;
  size_t n = args->num_options;
  named_value* all = calloc(n + 1, sizeof(named_value));
  if (n) memcpy(all, given, n * sizeof(named_value));
  all[n] = (named_value){.struct_size = sizeof(named_value), .name = "cpu_device_count", .name_size = strlen("cpu_device_count"),
                         .type = 1, .value.number = device_count, .value_size = 1};
  args->options = all;
  args->num_options = n + 1;
  void* error = plugin->functions[CLIENT_CREATE](p);
  args->options = given;
  args->num_options = n;
  free(all);
  client = args->client;
  return error;
}

static void* client_compile(void* p) { return m6labCompile(p); }

void* wrap(const char* path, const char** why) {
  void* lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!lib) { *why = dlerror(); return NULL; }
  const table* (*get)(void) = (const table* (*)(void))dlsym(lib, "GetPjrtApi");
  if (!get) { *why = dlerror(); return NULL; }
  plugin = get();
  if (plugin->version.major != 0 || plugin->struct_size < sizeof(table)) {
    *why = "its PJRT version has another function table";
    return NULL;
  }
  table* copy = malloc(plugin->struct_size);
  memcpy(copy, plugin, plugin->struct_size);
  copy->functions[CLIENT_CREATE] = client_create;
  copy->functions[CLIENT_COMPILE] = client_compile;
  return copy;
}

uintptr_t this_thread(void) { return (uintptr_t)pthread_self(); }

void* compile(compile_args* args) { return plugin->functions[CLIENT_COMPILE](args); }

// text is an error's message in memory of its own; the error is gone. NULL where there is none.
static char* text(void* error) {
  if (!error) return NULL;
  error_message_args m = {.struct_size = sizeof(m), .error = error};
  plugin->functions[ERROR_MESSAGE](&m);
  char* message = strndup(m.message, m.message_size);
  one_object_args d = {.struct_size = sizeof(d), .object = error};
  plugin->functions[ERROR_DESTROY](&d);
  return message;
}

char* deserialize(compile_args* args, const void* bytes, size_t size) {
  deserialize_args d = {.struct_size = sizeof(d), .client = args->client, .bytes = bytes, .bytes_size = size};
  char* why = text(plugin->functions[DESERIALIZE](&d));
  if (!why) args->loaded = d.loaded;
  return why;
}

// executable is what a loaded executable was made of; the caller destroys it. NULL where it cannot be had.
static void* executable(void* loaded) {
  get_executable_args g = {.struct_size = sizeof(g), .loaded = loaded};
  char* why = text(plugin->functions[GET_EXECUTABLE](&g));
  free(why);
  return why ? NULL : g.executable;
}

static void destroy(void* executable) {
  one_object_args d = {.struct_size = sizeof(d), .object = executable};
  free(text(plugin->functions[EXECUTABLE_DESTROY](&d)));
}

static char* missing(void) { return strdup("the plugin gives no executable"); }

char* serialize(void* loaded, uintptr_t to) {
  void* e = executable(loaded);
  if (!e) return missing();
  serialize_args s = {.struct_size = sizeof(s), .executable = e};
  char* why = text(plugin->functions[SERIALIZE](&s));
  if (!why) {
    m6labBytes(to, (void*)s.bytes, s.bytes_size);
    s.deleter(s.serialized);
  }
  destroy(e);
  return why;
}

char* memory(void* loaded, memory_args* m) {
  void* e = executable(loaded);
  if (!e) return missing();
  m->struct_size = sizeof(*m);
  m->executable = e;
  char* why = text(plugin->functions[MEMORY_STATS](m));
  destroy(e);
  return why;
}

char* optimized(void* loaded, uintptr_t to) {
  void* e = executable(loaded);
  if (!e) return missing();
  program_text program = {.struct_size = sizeof(program)};
  optimized_args o = {.struct_size = sizeof(o), .executable = e, .program = &program};
  char* why = text(plugin->functions[OPTIMIZED_PROGRAM](&o));  // tells the size
  if (!why) {
    program.code = malloc(program.code_size);
    why = text(plugin->functions[OPTIMIZED_PROGRAM](&o));
    if (!why) m6labBytes(to, program.code, program.code_size);
    free(program.code);
  }
  destroy(e);
  return why;
}

char* device_memory(int device, device_memory_args* m) {
  client_devices_args d = {.struct_size = sizeof(d), .client = client};
  char* why = text(plugin->functions[CLIENT_DEVICES](&d));
  if (why) return why;
  if (device < 0 || (size_t)device >= d.num_devices) return strdup("no such device");
  m->struct_size = sizeof(*m);
  m->device = d.devices[device];
  return text(plugin->functions[DEVICE_MEMORY](m));
}
