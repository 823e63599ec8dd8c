package stages

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gofrs/flock"
	"github.com/zeebo/xxh3"

	"m6lab/datasets/source"
	"m6lab/scripts/corpus/recipe"
)

// Version is that of the stages: what they write changes with it, so that shards of another version are not reused.
const Version = "m6-corpus/2"

// Options are what a build is made of.
type Options struct {
	In      []string // sources, as source.ParseSpec reads them
	Dir     string   // output folder
	Recipe  recipe.Recipe
	Workers int    // that run at the same time; 0: one for each core. It changes nothing in the output
	Seed    uint64 // of the examples in the report
	Images  string // folder where pictures of pages are looked for, "" none
	Unit    int64  // bytes of raw input of one unit; 0: 16 MiB
}

// Job is one build. Its exported fields are all that workers need.
type Job struct {
	Dir     string        `json:"dir"`
	Key     string        `json:"key"`     // of the folder of work: Lineage, and where pictures are looked for, the archives included
	Lineage string        `json:"lineage"` // hash of recipe, files that it names, and versions: every record has it
	In      []string      `json:"in"`
	Recipe  recipe.Recipe `json:"recipe"`
	Workers int           `json:"workers"`
	Buckets int           `json:"buckets"` // of the keys of ids
	Seed    uint64        `json:"seed"`
	Images  string        `json:"images,omitempty"`
	At      string        `json:"at"` // the folder that relative names of inputs and files are below
	Units   []Unit        `json:"-"`
	Bytes   int64         `json:"bytes"`   // of all units
	Indexed int           `json:"indexed"` // buckets of the index of the crawl's pictures; 0: there is no such index

	tools  func() (*tools, error)
	calls  atomic.Int64  // of stages, in this process
	slots  chan struct{} // as many as may work at once: runners start more bundles than there are workers, and each takes memory
	unlock func()
	before func() error  // makes the index where it is first asked for; nil in builds, which have made it
	crawl  *source.Crawl // opened by the first that looks for a picture
	done   bool          // the folder holds this very build already
}

// Unit is a piece of work: parts of the input that have about the target size together. It is what runners move.
type Unit struct {
	Number int           `json:"number"`
	Key    string        `json:"key"`
	Parts  []source.Part `json:"parts"`
	Inputs []int         `json:"inputs"` // numbers of the inputs that the parts are of

	archives bool // it has WARC files
}

// Name is how the files of the unit begin.
func (u Unit) Name() string { return fmt.Sprintf("%06d-%s", u.Number, u.Key) }

const (
	defaultUnit = 16 << 20
	workFolder  = ".build"
	jobFile     = "job.json"
)

// Scratch is a folder for temporary files of the build's process.
func (j *Job) Scratch() string { return j.work() }

// Progress counts what is finished by what is written, whichever machine has written it: units that the first and the last pass have done.
func (j *Job) Progress() (first, last int) {
	entries, err := os.ReadDir(j.work())
	if err != nil {
		return 0, 0
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, temporary):
		case strings.HasSuffix(name, endClean):
			first++
		case strings.HasSuffix(name, endFinal):
			last++
		}
	}
	return first, last
}

// File is the job's file, by which workers open it.
func (j *Job) File() string { return filepath.Join(j.work(), jobFile) }

// work is the folder of the build's files.
func (j *Job) work() string { return filepath.Join(j.Dir, workFolder, j.Key) }

func (j *Job) path(name string) string { return filepath.Join(j.work(), name) }

// Prepare checks everything that can be checked before any work: recipe, lists and models, sources, output folder, which it locks. Close must
// be called at the end.
func Prepare(ctx context.Context, o Options) (*Job, error) {
	if err := o.Recipe.Validate(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	files, err := o.Recipe.Files()
	if err != nil {
		return nil, err
	}
	j := &Job{Dir: dir, In: o.In, Recipe: o.Recipe, Workers: o.Workers, Seed: o.Seed, Images: o.Images}
	if j.Workers <= 0 {
		j.Workers = runtime.GOMAXPROCS(0)
	}
	if j.At, err = os.Getwd(); err != nil {
		return nil, err
	}
	if o.Images != "" {
		if j.Images, err = filepath.Abs(o.Images); err != nil {
			return nil, err
		}
		if info, err := os.Stat(j.Images); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("--images %s: want a folder of pictures", o.Images)
		}
	}
	j.ready()
	t, err := j.tools()
	if err != nil {
		return nil, err
	}
	j.Lineage = hashOf(Version, o.Recipe.JSON(), files, t.versions())
	if err := j.plan(ctx, o); err != nil {
		return nil, err
	}
	j.Key = j.workKey()
	if err := j.occupy(); err != nil {
		return nil, err
	}
	opened.Store(j.File(), func() (*Job, error) { return j, nil }) // workers of this process share lists and models
	return j, nil
}

// ready makes what a job has in a process.
func (j *Job) ready() {
	j.tools = sync.OnceValues(func() (*tools, error) { return openTools(j) })
	j.slots = make(chan struct{}, max(1, j.Workers))
}

// turn waits until one more may work, and returns what ends its turn.
func (j *Job) turn(ctx context.Context) (end func(), err error) {
	select {
	case j.slots <- struct{}{}:
		j.calls.Add(1)
		return func() { <-j.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Complete tells whether the folder holds this very build already.
func (j *Job) Complete() bool { return j.done }

// Close frees the output folder for other builds.
func (j *Job) Close() {
	if j.unlock != nil {
		j.unlock()
		j.unlock = nil
	}
	opened.Delete(j.File())
	if j.crawl != nil {
		_ = j.crawl.Close() // read only
	}
	if j.done {
		j.abandon()
	}
}

// hashOf is a short hash of values as JSON.
func hashOf(values ...any) string {
	h := xxh3.New()
	for _, v := range values {
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // plain data
		}
		_, _ = h.Write(append(data, '\n'))
	}
	sum := h.Sum128().Bytes()
	return hex.EncodeToString(sum[:8])
}

// occupy takes the output folder: new, empty, or left by a build that was killed. One that holds something else is an error.
func (j *Job) occupy() (err error) {
	if err := os.MkdirAll(j.work(), 0o777); err != nil {
		return fmt.Errorf("making the output folder: %w", err)
	}
	lock := flock.New(filepath.Join(j.Dir, workFolder, "lock"))
	held, err := lock.TryLock()
	if err != nil || !held {
		return errors.Join(fmt.Errorf("%s is in use by another build: wait for it, or choose another output folder", j.Dir), err)
	}
	j.unlock = func() { _ = lock.Unlock() }
	defer func() {
		if err != nil {
			j.Close()
			j.abandon()
		}
	}()
	entries, err := os.ReadDir(j.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == workFolder {
			continue
		}
		if key := builtKey(j.Dir); key == j.setKey() {
			j.done = true
			return os.RemoveAll(j.work()) // killed before it had tidied up
		} else if _, err := os.Stat(j.path(completeMark)); err == nil {
			break // killed while the finished set was moved to its place
		} else if key != "" {
			return fmt.Errorf("the output folder %s holds a build of other inputs or another recipe: choose another name or remove it", j.Dir)
		}
		return fmt.Errorf("the output folder %s is not empty (it holds %s): choose another name or remove it", j.Dir, e.Name())
	}
	if err := sweep(j.work()); err != nil {
		return err
	}
	_ = os.Remove(j.path(failureFile))
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return aside(j.File(), func(f *os.File) error { _, err := f.Write(data); return err })
}

// abandon removes the folders that occupy made where they hold nothing of a build.
func (j *Job) abandon() {
	_ = os.Remove(j.work())
	entries, err := os.ReadDir(filepath.Join(j.Dir, workFolder))
	if err == nil && len(entries) == 1 && entries[0].Name() == "lock" {
		_ = os.RemoveAll(filepath.Join(j.Dir, workFolder))
	}
	_ = os.Remove(j.Dir)
}

// setKey names the finished set: recipe, versions and all inputs.
func (j *Job) setKey() string {
	keys := make([]string, len(j.Units))
	for i, u := range j.Units {
		keys[i] = u.Key
	}
	return hashOf(j.Key, keys, j.Seed)
}

// builtKey is the key of the finished build in dir, "" where there is none.
func builtKey(dir string) string {
	r, err := ReadReport(filepath.Join(dir, ReportName))
	if err != nil {
		return ""
	}
	return r.Key
}

var opened sync.Map // of *Job by file, for workers

// Open opens the job of a file, once in a process. A process that did not begin the build moves to the folder of the one that did.
func Open(file string) (*Job, error) {
	open, _ := opened.LoadOrStore(file, sync.OnceValues(func() (*Job, error) {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("opening the build: %w (workers need the output folder under the same path)", err)
		}
		j := &Job{}
		if err := json.Unmarshal(data, j); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if err := os.Chdir(j.At); err != nil {
			return nil, fmt.Errorf("opening the build: %w (workers need relative inputs under the same path; name them from the root)", err)
		}
		j.ready()
		return j, nil
	}))
	j, err := open.(func() (*Job, error))()
	if err == nil {
		j.calls.Add(1)
	}
	return j, err
}

// Pulse tells whether a stage is at work in this process, and how many were begun: a runner that stands still does neither.
func (j *Job) Pulse() (working bool, begun int64) { return len(j.slots) > 0, j.calls.Load() }

const failureFile = "failed.txt"

// Fail notes the first failure of a build where the process that began it finds it: runners wrap errors in pages of their own. It returns err.
func (j *Job) Fail(err error) error {
	if err == nil {
		return nil
	}
	f, openErr := os.OpenFile(j.path(failureFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if openErr == nil {
		_, _ = f.WriteString(err.Error())
		_ = f.Close()
	}
	return err
}

// Failure returns what Fail noted; nil where nothing failed.
func (j *Job) Failure() error {
	data, err := os.ReadFile(j.path(failureFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.New(strings.TrimSpace(string(data)))
}
