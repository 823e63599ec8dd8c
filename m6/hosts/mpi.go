//go:build mpi

package hosts

/*
#cgo pkg-config: ompi-c
#include <stdint.h>
#include <string.h>
#include <mpi.h>

// What is a macro in mpi.h is a function here.
static MPI_Comm world(void) { return MPI_COMM_WORLD; }
static int sum_f32(float *x, int n) { return MPI_Allreduce(MPI_IN_PLACE, x, n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); }
static int broadcast(void *x, int n, int root) { return MPI_Bcast(x, n, MPI_BYTE, root, MPI_COMM_WORLD); }

static float widen(uint16_t b) { uint32_t bits = (uint32_t)b << 16; float x; memcpy(&x, &bits, 4); return x; }

// narrow rounds to the nearest bfloat16, ties to even; a NaN stays one.
static uint16_t narrow(float x) {
	uint32_t bits; memcpy(&bits, &x, 4);
	if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16) | 0x40;
	return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static void add_bf16(void *in, void *sum, int *n, MPI_Datatype *type) {
	uint16_t *a = in, *b = sum;
	for (int i = 0; i < *n; i++) b[i] = narrow(widen(a[i]) + widen(b[i]));
}

static MPI_Op bf16_op;

static int start(int *rank, int *size) {
	int level, err = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
	if (err) return err;
	if (level < MPI_THREAD_SERIALIZED) return MPI_ERR_OTHER;
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	if ((err = MPI_Comm_rank(MPI_COMM_WORLD, rank))) return err;
	if ((err = MPI_Comm_size(MPI_COMM_WORLD, size))) return err;
	return MPI_Op_create(add_bf16, 1, &bf16_op);
}

// sum_bf16 sums n numbers through buffer, n bfloat16.
static int sum_bf16(float *x, uint16_t *buffer, int n) {
	for (int i = 0; i < n; i++) buffer[i] = narrow(x[i]);
	int err = MPI_Allreduce(MPI_IN_PLACE, buffer, n, MPI_UINT16_T, bf16_op, MPI_COMM_WORLD);
	for (int i = 0; i < n; i++) x[i] = widen(buffer[i]);
	return err;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"
)

// mpi is a group of processes that OpenMPI knows. One goroutine with a thread of its own makes all its calls, as MPI_THREAD_SERIALIZED
// wants it at the least.
type mpi struct {
	rank, size int
	calls      chan func()
	buffer     []C.uint16_t // of bf16 sums
}

// most is how many elements one call of MPI takes: its counts are 32 bits wide.
const most = 1 << 28

// KnowsMPI tells whether this program was built with -tags mpi.
const KnowsMPI = true

// join starts MPI.
func join() (Group, error) {
	if os.Getenv("PMIX_RANK") == "" { // OpenMPI would end the program, with a page of text
		return nil, errors.New("but nothing tells MPI of the others: start them with `srun --mpi=pmix` or mpirun")
	}
	if _, set := os.LookupEnv("OMPI_MCA_opal_signal"); !set {
		os.Setenv("OMPI_MCA_opal_signal", "") // OpenMPI's own signal handlers have no alternate stack, which Go wants of every handler
	}
	g := &mpi{calls: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for call := range g.calls {
			call()
		}
	}()
	var rank, size C.int
	err := g.do("MPI_Init_thread", func() C.int { return C.start(&rank, &size) })
	if err != nil {
		return nil, fmt.Errorf("and MPI does not start: %w", err)
	}
	g.rank, g.size = int(rank), int(size)
	return g, nil
}

// do makes a call of MPI and waits for it.
func (g *mpi) do(name string, call func() C.int) error {
	done := make(chan C.int)
	g.calls <- func() { done <- call() }
	code := <-done
	if code == C.MPI_SUCCESS {
		return nil
	}
	var text [C.MPI_MAX_ERROR_STRING]C.char
	var length C.int
	C.MPI_Error_string(code, &text[0], &length)
	return fmt.Errorf("%s on rank %d of %d: %s", name, g.rank, g.size, C.GoStringN(&text[0], length))
}

func (g *mpi) Rank() int { return g.rank }
func (g *mpi) Size() int { return g.size }

func (g *mpi) AllReduce(x []float32, wire Wire) error {
	for len(x) > 0 {
		part := x[:min(len(x), most)]
		x = x[len(part):]
		at, n := (*C.float)(unsafe.Pointer(&part[0])), C.int(len(part))
		sum := func() C.int { return C.sum_f32(at, n) }
		if wire == BF16 {
			if len(g.buffer) < len(part) {
				g.buffer = make([]C.uint16_t, len(part))
			}
			sum = func() C.int { return C.sum_bf16(at, &g.buffer[0], n) }
		}
		if err := g.do("MPI_Allreduce", sum); err != nil {
			return err
		}
	}
	return nil
}

func (g *mpi) Broadcast(data []byte, root int) ([]byte, error) {
	length := C.int64_t(len(data))
	if err := g.do("MPI_Bcast", func() C.int { return C.broadcast(unsafe.Pointer(&length), 8, C.int(root)) }); err != nil {
		return nil, err
	}
	out := make([]byte, length)
	copy(out, data)
	for rest := out; len(rest) > 0; rest = rest[min(len(rest), most):] {
		n := C.int(min(len(rest), most))
		if err := g.do("MPI_Bcast", func() C.int { return C.broadcast(unsafe.Pointer(&rest[0]), n, C.int(root)) }); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (g *mpi) Barrier() error {
	return g.do("MPI_Barrier", func() C.int { return C.MPI_Barrier(C.world()) })
}

// Abort does not wait for a call that another goroutine is in: it may never end.
func (g *mpi) Abort(code int) { C.MPI_Abort(C.world(), C.int(code)) }

func (g *mpi) Close() error {
	err := g.do("MPI_Finalize", func() C.int { return C.MPI_Finalize() })
	close(g.calls)
	return err
}
