// Package arena keeps XLA's working memory on CPU from one step to the next. XLA's CPU client asks the C library for a step's working
// memory, often over 100 MB, and its products for room to pack large weights in, and both give it back: a quarter of a step's time went into
// the system's pages (m6/LOG.md). In a program that imports this package, blocks of 4 MB and more lie in huge pages, and up to 1 GB of them is
// kept for the next request; up to a quarter of the machine's memory if no more is kept than was in use at once. For that it stands before
// the C library's malloc, aligned_alloc, posix_memalign, realloc and free, on Linux with glibc; all other requests go on to the library, and
// elsewhere the package does nothing.
package arena

/*
#include <stdlib.h>
#include "arena.h"
*/
import "C"

import "unsafe"

// Stats are counts since the program began.
type Stats struct {
	Mapped, Reused uint64 // blocks asked of the system, and blocks used again
	Kept           uint64 // bytes that wait for the next request
}

// Read returns the counts as they are now; all are 0 where the package does nothing.
func Read() Stats {
	s := C.arena_stats()
	return Stats{uint64(s.mapped), uint64(s.reused), uint64(s.kept)}
}

// allocate asks the C library's aligned_alloc, as XLA does, and plain its malloc, as its products do; release gives back. They are here for
// the tests, which cannot call C.
func allocate(alignment, size int) unsafe.Pointer {
	return C.aligned_alloc(C.size_t(alignment), C.size_t(size))
}

func plain(size int) unsafe.Pointer { return C.malloc(C.size_t(size)) }

func resize(p unsafe.Pointer, size int) unsafe.Pointer { return C.realloc(p, C.size_t(size)) }

func release(p unsafe.Pointer) { C.free(p) }
