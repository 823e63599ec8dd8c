package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// programs is a folder of compiled programs, named by what they depend on: the plugin, the flags, the processor, the program and its
// options. A nil one keeps nothing.
type programs struct {
	dir string
	of  []byte // what all programs depend on
	log func(line string)
}

// CacheVariable names the folder of the cache of [CacheFolder] in the environment; "off" is none.
const CacheVariable = "M6LAB_CACHE"

// CacheFolder is where the workbench keeps compiled programs: what the environment says, else a folder of the user's cache. "" is nowhere.
func CacheFolder() string {
	switch dir := os.Getenv(CacheVariable); dir {
	case "":
	case "off":
		return ""
	default:
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "m6lab", "programs")
}

// mostCached is how large the folder may be when it is opened, in bytes; what was written first is removed.
const mostCached = 2 << 30

// Cache keeps the programs that are compiled from now on in a folder, so that a second start need not compile them again. What
// cannot be kept or read is told to log, and compiled as ever. An empty folder keeps nothing.
func Cache(dir string, log func(line string)) error {
	current.Lock()
	defer current.Unlock()
	cache = nil
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cache of compiled programs: %w (%s=off does without)", err, CacheVariable)
	}
	if err := prune(dir, mostCached); err != nil {
		return fmt.Errorf("cache of compiled programs: %w", err)
	}
	cache = &programs{dir: dir, of: machine(), log: log}
	return nil
}

// prune removes the oldest files until the folder holds at most so many bytes.
func prune(dir string, most int64) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var files []os.FileInfo
	var total int64
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() { // another process may have removed it
			files, total = append(files, info), total+info.Size()
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if total <= most {
			break
		}
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil && !os.IsNotExist(err) {
			return err
		}
		total -= f.Size()
	}
	return nil
}

// machine is what a program depends on beside itself: the plugin's file, XLA's flags, the processor and the GPUs.
func machine() []byte {
	opening.Lock()
	path := wrapped
	opening.Unlock()
	of := path + "\x00" + os.Getenv("XLA_FLAGS") + "\x00" + processor() + gpus()
	if info, err := os.Stat(path); err == nil {
		of += fmt.Sprintf("\x00%d %d", info.Size(), info.ModTime().UnixNano())
	}
	return []byte(of)
}

// entry is one program's place in the cache; nil where nothing is kept.
type entry struct {
	path string
	log  func(line string)
}

func (c *programs) entry(program, options []byte) *entry {
	if c == nil {
		return nil
	}
	h := sha256.New()
	for _, part := range [][]byte{c.of, options, program} {
		fmt.Fprintf(h, "%d\x00", len(part))
		h.Write(part)
	}
	return &entry{filepath.Join(c.dir, hex.EncodeToString(h.Sum(nil))+".xla"), c.log}
}

// read returns the program, nil where there is none.
func (e *entry) read() []byte {
	if e == nil {
		return nil
	}
	bytes, err := os.ReadFile(e.path)
	if err != nil {
		if !os.IsNotExist(err) {
			e.log(fmt.Sprintf("compiled program not read from the cache: %v", err))
		}
		return nil
	}
	return bytes
}

// drop removes a program that could not be loaded.
func (e *entry) drop(why error) {
	e.log(fmt.Sprintf("%s is of no use and removed: %v", e.path, why))
	_ = os.Remove(e.path) // written anew in a moment
}

// write keeps a program, written aside and renamed.
func (e *entry) write(bytes []byte, err error) {
	if err == nil {
		aside := fmt.Sprintf("%s.%d", e.path, os.Getpid())
		if err = os.WriteFile(aside, bytes, 0o644); err == nil {
			err = os.Rename(aside, e.path)
		}
		if err != nil {
			_ = os.Remove(aside) // the first error is the one to tell
		}
	}
	if err != nil {
		e.log(fmt.Sprintf("compiled program not kept in the cache: %v", err))
	}
}
