// Large aligned blocks of host memory, kept from one step to the next. See arena.go.
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

#if defined(__linux__) && defined(__GLIBC__)
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void __libc_free(void *);
extern void *__libc_malloc(size_t);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void *__libc_realloc(void *, size_t);

#define HUGE_PAGE ((size_t)2 << 20)
#define LARGE ((size_t)4 << 20)   // smaller requests go to the C library
#define KEPT ((size_t)1 << 30)    // bytes of free blocks that may be kept in any case
#define HEADER ((size_t)4096)     // before what is handed out: it keeps alignments up to a page
#define MARK 0x6d366c61622d6172ull

// block stands at the head of a block, which begins at a huge page.
struct block {
	uint64_t mark;
	size_t size;        // of the whole mapping
	struct block *next; // of the free ones, the last freed first
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *kept;
static struct arena_stats stats;
static size_t used, most; // bytes handed out, now and at most so far

// limit is how many bytes may be kept: at least KEPT; on machines with more memory a quarter of it, but never more than was handed out at most
// beside what is now.
static size_t limit(void) {
	static size_t quarter;
	if (!quarter)
		quarter = (size_t)sysconf(_SC_PHYS_PAGES) / 4 * (size_t)sysconf(_SC_PAGESIZE);
	size_t n = most - used < quarter ? most - used : quarter;
	return n > KEPT ? n : KEPT;
}

// settle ends a change of used, made under the lock, and gives back what may not be kept any more.
static void settle(void) {
	if (used > most)
		most = used;
	size_t n = limit();
	struct block **end = &kept; // of those that fit, the last freed first
	for (stats.kept = 0; *end && stats.kept + (*end)->size <= n; end = &(*end)->next)
		stats.kept += (*end)->size;
	struct block *b = *end;
	*end = NULL;
	pthread_mutex_unlock(&lock);
	while (b) {
		struct block *next = b->next;
		munmap(b, b->size);
		b = next;
	}
}

// take finds a kept block for size bytes that wastes at most a quarter; NULL where there is none.
static struct block *take(size_t size) {
	struct block **best = NULL;
	pthread_mutex_lock(&lock);
	for (struct block **at = &kept; *at; at = &(*at)->next)
		if ((*at)->size >= size && (*at)->size <= size + size / 4 && (!best || (*at)->size < (*best)->size))
			best = at;
	struct block *b = best ? *best : NULL;
	if (b) {
		*best = b->next;
		stats.reused++;
	} else
		stats.mapped++;
	pthread_mutex_unlock(&lock);
	return b;
}

// map asks the system for a block of size bytes that begins at a huge page.
static struct block *map(size_t size) {
	char *raw = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw == MAP_FAILED)
		return NULL;
	char *at = (char *)(((uintptr_t)raw + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
	if (at > raw)
		munmap(raw, at - raw);
	munmap(at + size, raw + HUGE_PAGE - at);
	madvise(at, size, MADV_HUGEPAGE);
	struct block *b = (struct block *)at;
	b->size = size;
	return b;
}

static void *large(size_t size) {
	if (size > PTRDIFF_MAX) { // as the C library has it
		errno = ENOMEM;
		return NULL;
	}
	size = (size + HEADER + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	struct block *b = take(size);
	if (!b)
		b = map(size);
	if (!b)
		return NULL;
	b->mark = MARK;
	pthread_mutex_lock(&lock);
	used += b->size;
	settle();
	return (char *)b + HEADER;
}

// ours is the block that p was handed out from; NULL for memory of the C library. That may begin a page behind a huge page's beginning too, but
// its own header stands right before it, so the page that is looked at is there; and it does not begin with our mark.
static struct block *ours(void *p) {
	if (((uintptr_t)p & (HUGE_PAGE - 1)) != HEADER)
		return NULL;
	struct block *b = (struct block *)((char *)p - HEADER);
	return b->mark == MARK ? b : NULL;
}

static void give(struct block *b) {
	b->mark = 0;
	pthread_mutex_lock(&lock);
	used -= b->size;
	b->next = kept;
	kept = b;
	settle();
}

void *malloc(size_t size) { return size >= LARGE ? large(size) : __libc_malloc(size); }

void *aligned_alloc(size_t alignment, size_t size) {
	if (size >= LARGE && alignment <= HEADER)
		return large(size);
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size) {
	if (alignment < sizeof(void *) || (alignment & (alignment - 1)))
		return EINVAL;
	*p = aligned_alloc(alignment, size);
	return *p ? 0 : ENOMEM;
}

void free(void *p) {
	struct block *b = ours(p);
	if (b)
		give(b);
	else
		__libc_free(p);
}

void *realloc(void *p, size_t size) {
	struct block *b = p ? ours(p) : NULL;
	if (!b)
		return __libc_realloc(p, size);
	void *moved = malloc(size);
	if (moved) {
		size_t room = b->size - HEADER;
		memcpy(moved, p, size < room ? size : room);
		give(b);
	}
	return moved;
}

struct arena_stats arena_stats(void) {
	pthread_mutex_lock(&lock);
	struct arena_stats now = stats;
	pthread_mutex_unlock(&lock);
	return now;
}
#else
struct arena_stats arena_stats(void) {
	struct arena_stats none = {0};
	return none;
}
#endif
