#include <stdint.h>

// arena_stats counts blocks asked of the system and blocks used again, and the bytes kept for the next request.
struct arena_stats {
	uint64_t mapped, reused, kept;
};

struct arena_stats arena_stats(void);
