package checkpoints

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
)

// buckets are one in memory and one in a folder.
func buckets(t *testing.T) map[string]*Bucket {
	t.Helper()
	file, err := OpenBucket(t.Context(), "file://"+filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*Bucket{
		"memory": {"mem://", memblob.OpenBucket(nil)}, "folder": file, "prefix": {"mem://prefix", blob.PrefixedBucket(memblob.OpenBucket(nil), "runs/a/")},
	}
	t.Cleanup(func() {
		for _, b := range all {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return all
}

// objects are the keys of a bucket.
func objects(t *testing.T, b *Bucket) []string {
	t.Helper()
	var keys []string
	for list := b.blob.List(nil); ; {
		o, err := list.Next(t.Context())
		if err != nil {
			return keys
		}
		keys = append(keys, o.Key)
	}
}

func put(t *testing.T, b *Bucket, dir string, steps ...int64) {
	t.Helper()
	for _, step := range steps {
		if err := b.Put(t.Context(), filepath.Join(dir, folderName(step))); err != nil {
			t.Fatal(err)
		}
	}
}

// What goes into a bucket and comes back is the checkpoint, bit for bit, of one process or of three.
func TestBucket(t *testing.T) {
	for name, b := range buckets(t) {
		t.Run(name, func(t *testing.T) {
			from := t.TempDir()
			ranks, _ := openRanks(t, from, "s", time.Minute)
			for _, step := range []int64{10, 20} {
				if err := errors.Join(saveRanks(ranks, step)...); err != nil {
					t.Fatal(err)
				}
				put(t, b, from, step)
			}
			infos, err := b.List(t.Context())
			if err != nil || len(infos) != 2 || infos[0].Step != 20 || infos[1].Step != 10 || infos[0].Bytes == 0 {
				t.Fatal(infos, err)
			}
			to := t.TempDir()
			i, report, err := b.Fetch(t.Context(), to)
			if err != nil || i.Step != 20 || len(report.Problems) > 0 {
				t.Fatal(i, report, err)
			}
			if diff := cmp.Diff([]string{"step-00000020"}, listed(t, to)); diff != "" {
				t.Error(diff)
			}
			wantShared(t, to, 20)
			if err := b.Prune(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			if keys := objects(t, b); len(keys) != 4 || !strings.HasPrefix(keys[0], "step-00000020.") {
				t.Errorf("kept %q", keys)
			}
		})
	}
}

// The manifest is the last object that is written and the first that goes: a copy or a removal that is cut off anywhere leaves what was
// there before. A damaged copy is skipped with its reason.
func TestBucketOfDamagedCopies(t *testing.T) {
	for name, b := range buckets(t) {
		t.Run(name, func(t *testing.T) {
			from := t.TempDir()
			m, _ := openTest(t, from, 9)
			save(t, m, 10, 20, 30, 40, 50)
			put(t, b, from, 10, 20, 30, 40, 50)
			ctx := t.Context()
			spoil := func(step int64, file string, f func(key string, old []byte) error) {
				t.Helper()
				for _, key := range objects(t, b) {
					if strings.HasPrefix(key, folderName(step)+".") && strings.HasSuffix(key, file) {
						old, err := b.blob.ReadAll(ctx, key)
						if err == nil {
							err = f(key, old)
						}
						if err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			remove := func(key string, _ []byte) error { return b.blob.Delete(ctx, key) }
			spoil(20, firstData, func(key string, old []byte) error {
				old[len(old)-1]++
				return b.blob.WriteAll(ctx, key, old, nil)
			})
			spoil(30, firstData, remove)
			spoil(40, firstData, func(key string, old []byte) error { return b.blob.WriteAll(ctx, key, old[:len(old)-3], nil) })
			spoil(50, manifestName, remove)
			i, report, err := b.Fetch(ctx, t.TempDir())
			if err != nil || i.Step != 10 {
				t.Fatal(i, report, err)
			}
			var reasons []string
			for _, p := range report.Problems {
				reasons = append(reasons, p.Path[:13]+": "+p.Reason)
			}
			want := []string{
				"step-00000040: data-00000.safetensors: truncated: 540 bytes where the manifest has 543",
				"step-00000030: data-00000.safetensors is missing",
				`step-00000020: tensor "mask": damaged: bytes 530 to 543 do not have their checksum`,
			}
			if diff := cmp.Diff(want, reasons); diff != "" {
				t.Error(diff)
			}
			spoil(10, firstData, remove)
			_, _, err = b.Fetch(ctx, t.TempDir())
			wantError(t, err, "none of 4 is sound: step-00000040.")
			if err := b.Prune(ctx, 2); err != nil {
				t.Fatal(err)
			}
			if keys := objects(t, b); len(keys) != 3 || slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, "step-00000050") }) {
				t.Errorf("kept %q", keys)
			}
		})
	}
}

// A copy that is cut off has no manifest, and so is no checkpoint, nor does it harm the one of before.
func TestCopyIsCutOff(t *testing.T) {
	b := buckets(t)["folder"]
	from := t.TempDir()
	ranks, _ := openRanks(t, from, "s", time.Minute)
	for _, step := range []int64{10, 20} {
		if err := errors.Join(saveRanks(ranks, step)...); err != nil {
			t.Fatal(err)
		}
	}
	put(t, b, from, 10)
	text, err := os.ReadFile(filepath.Join(from, folderName(20), manifestName))
	if err != nil {
		t.Fatal(err)
	}
	last := filepath.Join(strings.TrimPrefix(b.address, "file://"), folderName(20)+"."+checksum(text)[:8], dataOf(2))
	if err := os.MkdirAll(filepath.Join(last, "in the way"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), filepath.Join(from, folderName(20))); err == nil {
		t.Error("a copy of which one file cannot be written succeeds")
	}
	if n := len(objects(t, b)); n <= 4 {
		t.Errorf("%d objects: nothing was written before the cut", n)
	}
	if infos, err := b.List(t.Context()); err != nil || len(infos) != 1 || infos[0].Step != 10 {
		t.Error(infos, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Put(ctx, filepath.Join(from, folderName(10))); err == nil {
		t.Error("a copy without time succeeds")
	}
}

// A run with an address goes on from there on another machine; its folder and the bucket keep as many checkpoints each.
func TestManagerWithAddress(t *testing.T) {
	address := "file://" + filepath.Join(t.TempDir(), "store")
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	var lines []string
	o := Options{Keep: 2, Address: address, Log: func(l string) { lines = append(lines, l) }}
	m, err := Open(first, o)
	if err != nil {
		t.Fatal(err)
	}
	save(t, m, 10, 20, 30, 40)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m, err = Open(second, o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if len(lines) != 1 || !strings.Contains(lines[0], "fetched step 40 (0.0 MB) from "+address) {
		t.Errorf("log %q", lines)
	}
	s, _, err := m.Restore()
	if diff := cmp.Diff(stateOf(40), s); diff != "" || err != nil {
		t.Fatal(diff, err)
	}
	save(t, m, 50)
	infos, err := m.List()
	if err != nil || infos[0].Serial != 5 {
		t.Errorf("%+v %v: want the serial to go on", infos, err)
	}
}

// An object store that fails does not harm the run; the log says so, and so does Close where no copy succeeded later.
func TestObjectStoreFails(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	dir := t.TempDir()
	lines := make(chan string, 100)
	m, err := Open(dir, Options{Keep: 2, Address: "file://" + store, Log: func(l string) { lines <- l }})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(store); err != nil {
		t.Fatal(err)
	}
	write(t, store, "a file where the folder was")
	save(t, m, 10)
	wantError(t, errors.New(<-lines), "checkpoint of step 10: object store file://"+store+": ")
	wantRestored(t, dir, 10)
	wantError(t, m.Close(), "checkpoint of step 10: object store file://"+store+": ")
	for address, want := range map[string]string{
		"bucket": `object store "bucket": no address such as s3://bucket/prefix`, "ftp://x": "no driver registered",
	} {
		_, err := Open(t.TempDir(), Options{Address: address})
		wantError(t, err, want)
	}
}

// A checkpoint that is being copied is not removed; one whose copy has ended is.
func TestCopyHoldsItsCheckpoint(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 1)
	m.mirror = &mirror{busy: 10, next: -1, wake: make(chan struct{}, 1)} // nobody copies
	save(t, m, 10, 20)
	if diff := cmp.Diff([]string{"step-00000010", "step-00000020"}, listed(t, dir)); diff != "" {
		t.Error(diff)
	}
	m.mirror.busy = -1
	save(t, m, 30)
	if diff := cmp.Diff([]string{"step-00000030"}, listed(t, dir)); diff != "" {
		t.Error(diff)
	}
}
