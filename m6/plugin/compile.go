package plugin

/*
#include <stdlib.h>
#include "plugin.h"
*/
import "C"

import (
	"errors"
	"os"
	"runtime"
	"runtime/cgo"
	"strings"
	"sync"
	"unsafe"
)

// Order is what is wanted of a compilation beside the program.
type Order struct {
	// Aliases are arguments by their number, each with the number of the output that takes its memory. A caller that gives the
	// argument away when it runs the program needs the memory of one of them; one that does not pays a copy.
	Aliases map[int]int
	// Look asks the compiler about the program.
	Look bool
	// Fresh compiles even what the cache has, and keeps nothing.
	Fresh bool
	// Unrun is for a program that nobody runs: its machine code is made without optimization. What the compiler says of it is the same.
	Unrun bool
	// Pictures is for a program with a picture encoder: on GPUs its products are cuBLAS's alone, for XLA's own fusion of products with
	// what stands before them, Triton's, aborts the process in the encoder's (seen with the plugin of JAX 0.11.2).
	Pictures bool
}

// Compiled is what the compiler says of a program: bytes on each device, and the program as it will run there.
type Compiled struct {
	Arguments   int64 // what goes in
	Outputs     int64 // what comes out
	Aliased     int64 // of the outputs, what has the memory of an argument
	Temporaries int64 // what the program needs while it runs
	Module      *Module
	Cached      bool // the program came from the cache
}

// Peak is what a device holds at most while the program runs: arguments, temporaries, and the outputs that are no argument's memory.
func (c Compiled) Peak() int64 { return c.Arguments + c.Outputs - c.Aliased + c.Temporaries }

var (
	current sync.Mutex                 // guards orders and cache
	orders  = map[C.uintptr_t]*given{} // under way, by the thread that compiles
	cache   *programs
)

// given is an order under way and what came of it.
type given struct {
	Order
	seen     bool
	compiled Compiled
	err      error
}

// Compile runs a function that compiles one program of a backend of this package. Compiled is empty unless the order looks.
func Compile(o Order, compile func() error) (Compiled, error) {
	runtime.LockOSThread() // the order is for what is compiled from here, not for what others compile meanwhile
	defer runtime.UnlockOSThread()
	g := &given{Order: o}
	g.give()
	defer g.takeBack()
	err := compile()
	if err == nil {
		err = g.err
	}
	if err == nil && o.Look && !g.seen {
		err = errors.New("plugin: nothing was compiled for virtual devices")
	}
	return g.compiled, err
}

func (g *given) give() {
	current.Lock()
	defer current.Unlock()
	orders[C.this_thread()] = g
}

func (g *given) takeBack() {
	current.Lock()
	defer current.Unlock()
	delete(orders, C.this_thread())
}

// m6labCompile compiles a program for go-xla, or takes it from the cache.
//
//export m6labCompile
func m6labCompile(args *C.compile_args) unsafe.Pointer {
	current.Lock()
	g, c := orders[C.this_thread()], cache
	current.Unlock()
	program := bytesOf(unsafe.Pointer(args.program.code), args.program.code_size)
	if g != nil && len(g.Aliases) > 0 {
		text, err := withAliases(string(program), g.Aliases)
		if err != nil {
			g.err = err
		}
		code, given := C.CString(text), *args.program
		defer C.free(unsafe.Pointer(code))
		changed := given
		changed.code, changed.code_size = code, C.size_t(len(text))
		mine := (*C.program_text)(C.malloc(C.size_t(unsafe.Sizeof(changed))))
		defer C.free(unsafe.Pointer(mine))
		*mine = changed
		was := args.program
		args.program = mine
		defer func() { args.program = was }()
		program = []byte(text)
	}
	if g != nil && g.Unrun {
		defer withOption(args, "xla_backend_optimization_level", number, 0)()
	}
	if g != nil && g.Pictures && !strings.Contains(os.Getenv("XLA_FLAGS"), tritonFlag) {
		defer withOption(args, tritonFlag, flag, 0)()
	}
	if g != nil && g.Fresh {
		c = nil
	}
	place := c.entry(program, bytesOf(unsafe.Pointer(args.options), args.options_size))
	if bytes := place.read(); len(bytes) > 0 {
		err := failure(C.deserialize(args, unsafe.Pointer(&bytes[0]), C.size_t(len(bytes))))
		if err == nil {
			g.see(args.loaded, true)
			return nil
		}
		place.drop(err)
	}
	if err := C.compile(args); err != nil {
		return err
	}
	if place != nil {
		place.write(fetch(func(to C.uintptr_t) *C.char { return C.serialize(args.loaded, to) }))
	}
	g.see(args.loaded, false)
	return nil
}

const tritonFlag = "xla_gpu_enable_triton_gemm"

// Kinds of XLA's flags, as the fields of an OptionOverrideProto.
const (
	flag   = 2 << 3 // a bool
	number = 3 << 3
)

// withOption adds one of XLA's flags to the options of a compilation, until it is undone. The options are a serialized
// CompileOptionsProto, to which its field env_option_overrides is appended.
func withOption(args *C.compile_args, name string, kind, value byte) (undo func()) {
	const entries, key, override = 7<<3 | 2, 1<<3 | 2, 2<<3 | 2
	entry := append([]byte{key, byte(len(name))}, name...)
	entry = append(entry, override, 2, kind, value)
	given, size := args.options, args.options_size
	all := append([]byte(nil), bytesOf(unsafe.Pointer(given), size)...)
	all = append(append(all, entries, byte(len(entry))), entry...)
	args.options, args.options_size = (*C.char)(C.CBytes(all)), C.size_t(len(all))
	return func() {
		C.free(unsafe.Pointer(args.options))
		args.options, args.options_size = given, size
	}
}

// see asks the compiler about a program, if the order says so.
func (g *given) see(loaded unsafe.Pointer, cached bool) {
	if g == nil || !g.Look {
		return
	}
	g.seen = true
	var m C.memory_args
	if err := failure(C.memory(loaded, &m)); err != nil {
		g.err = err
		return
	}
	bytes, err := fetch(func(to C.uintptr_t) *C.char { return C.optimized(loaded, to) })
	if err != nil {
		g.err = err
		return
	}
	g.compiled = Compiled{Arguments: int64(m.arguments), Outputs: int64(m.outputs), Aliased: int64(m.aliases), Temporaries: int64(m.temporaries), Cached: cached}
	g.compiled.Module, g.err = parseModule(bytes)
}

// fetch calls a function that hands bytes to [m6labBytes].
func fetch(call func(to C.uintptr_t) *C.char) ([]byte, error) {
	var bytes []byte
	to := cgo.NewHandle(&bytes)
	defer to.Delete()
	err := failure(call(C.uintptr_t(to)))
	return bytes, err
}

//export m6labBytes
func m6labBytes(to C.uintptr_t, bytes unsafe.Pointer, size C.size_t) {
	*cgo.Handle(to).Value().(*[]byte) = append([]byte(nil), bytesOf(bytes, size)...)
}

func bytesOf(p unsafe.Pointer, size C.size_t) []byte {
	if p == nil {
		return nil
	}
	return unsafe.Slice((*byte)(p), int(size))
}

// failure makes an error of a message that C gave, and frees it.
func failure(why *C.char) error {
	if why == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(why))
	return errors.New("XLA: " + C.GoString(why))
}
