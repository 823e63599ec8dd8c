package m6

import "testing"

func TestWithHugePages(t *testing.T) {
	for _, c := range []struct {
		in, want string
		set      bool
	}{
		{"", "glibc.malloc.hugetlb=1", false},
		{"glibc.malloc.arena_max=2", "glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1", false},
		{"glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0", true},
		{"glibc.malloc.hugetlb=1", "glibc.malloc.hugetlb=1", true},
	} {
		if got, set := withHugePages(c.in); got != c.want || set != c.set {
			t.Errorf("withHugePages(%q) = %q, %v, want %q, %v", c.in, got, set, c.want, c.set)
		}
	}
}
