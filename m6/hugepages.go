package m6

import (
	"os"
	"runtime"
	"strings"
	"syscall"
)

// hugePages is the C library's setting that asks the kernel for huge pages (glibc 2.35 and later; elsewhere it means nothing).
const hugePages = "glibc.malloc.hugetlb="

// RestartWithHugePages starts the program again, in its place, with huge pages for large arrays, unless that is already set; it does
// nothing but on Linux. XLA on CPU asks the system for a step's working memory, often over 100 MB, and gives it back after each step:
// in pages of 4 kB a quarter of the step's time went into that (LOG.md). A program calls it first thing; the C library
// reads the setting at its start alone.
func RestartWithHugePages() {
	tunables, set := withHugePages(os.Getenv("GLIBC_TUNABLES"))
	if runtime.GOOS != "linux" || set {
		return
	}
	program, err := os.Executable()
	if err != nil || os.Setenv("GLIBC_TUNABLES", tunables) != nil {
		return
	}
	syscall.Exec(program, os.Args, os.Environ()) //nolint:errcheck // on failure the program goes on as it is, only slower
}

// withHugePages adds the setting to others, separated by colons; set tells that it was there.
func withHugePages(tunables string) (with string, set bool) {
	if strings.Contains(tunables, hugePages) {
		return tunables, true
	}
	return strings.TrimPrefix(tunables+":"+hugePages+"1", ":"), false
}
