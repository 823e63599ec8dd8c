package checkpoints

import (
	"bytes"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/zeebo/xxh3"
)

// shared is one save that all ranks of a session write together, into one folder beside the checkpoints. Each rank writes its
// data file and then its part of the manifest; rank 0 waits for all parts, merges them and renames the folder. A rank that fails
// writes why into the file "failed": the first of them wins, and all ranks return that line. The folder's name holds session and
// number of the save, not the step, so that ranks at different steps meet there and are told so.
type shared struct {
	m         *Manager
	step      int64
	id        string // session and number of the save
	dir       string
	published bool // this rank's part may be in a checkpoint already: its files are rank 0's to remove
}

const (
	maxRanks   = 100_000 // by the name of the data files
	failedName = "failed"
)

// told is the error line of a save that failed, the same on all ranks.
type told string

func (t told) Error() string { return string(t) }

// sessionTag is eight letters for a session.
func sessionTag(session string) string {
	sum := binary.BigEndian.AppendUint64(nil, xxh3.HashString(session))
	return base32.StdEncoding.EncodeToString(sum)[:8]
}

func partName(rank int) string { return fmt.Sprintf("part-%05d.json", rank) }

// beginShared is [Manager.begin] of several ranks. What this rank refuses is told to the others.
func (m *Manager) beginShared(s Source) (write func() error, err error) {
	m.joint++
	tag := sessionTag(m.options.Session)
	j := &shared{m: m, step: s.Step, id: fmt.Sprintf("%s-%d", tag, m.joint)}
	j.dir = filepath.Join(m.dir, together+folderName(m.joint)+"-"+tag)
	if now := readLine(m.lock, 1); m.options.Rank > 0 && now != sessionLine(m.options) {
		return nil, fmt.Errorf("checkpoint of step %d: rank %d: the folder is no longer that of session %q: its lock names %q",
			s.Step, m.options.Rank, m.options.Session, now)
	}
	data := s.Data
	s.Data = func(i int) ([]byte, error) {
		if err := j.failure(); err != nil {
			return nil, err
		}
		return data(i)
	}
	p, err := planFile(s, m.block, dataOf(m.options.Rank), map[string]string{"save": j.id, "step": fmt.Sprint(s.Step)})
	if err == nil {
		err = m.number(p)
	}
	if e := m.disk.Mkdir(j.dir); err == nil && !errors.Is(e, fs.ErrExist) {
		err = e
	}
	if err != nil {
		return nil, j.fail(err)
	}
	p.manifest.Save = j.id
	return func() error { return j.write(p) }, nil
}

// write does this rank's share of the save and returns when all ranks have done theirs.
func (j *shared) write(p *plan) error {
	err := j.publish(p)
	switch {
	case err != nil:
	case j.m.options.Rank == 0:
		err = j.gather()
	default:
		err = j.await()
	}
	if err != nil {
		return j.fail(err)
	}
	j.m.committed(j.step)
	return nil
}

// publish writes this rank's data and then its part of the manifest.
func (j *shared) publish(p *plan) error {
	if err := writeFile(j.m.disk, filepath.Join(j.dir, p.file), p.writeData); err != nil {
		return err
	}
	text, err := p.manifest.encode()
	if err != nil {
		return err
	}
	j.published = true
	return replaceFile(j.m.disk, filepath.Join(j.dir, partName(j.m.options.Rank)), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// patience paces the looks at a folder that others write, rarer each time.
type patience struct {
	end   time.Time
	pause time.Duration
}

func (o Options) patience() *patience {
	return &patience{time.Now().Add(o.Patience), 2 * time.Millisecond}
}

// wait sleeps until the next look; false when patience is at its end.
func (p *patience) wait() bool {
	if time.Now().After(p.end) {
		return false
	}
	time.Sleep(p.pause)
	p.pause = min(2*p.pause, 250*time.Millisecond)
	return true
}

// gather waits for the parts of all ranks, merges them and puts the checkpoint in its place.
func (j *shared) gather() error {
	m, o := j.m, j.m.options
	var parts []*manifest
	for patience := o.patience(); len(parts) < o.Ranks; {
		if err := j.failure(); err != nil {
			return err
		}
		part, err := j.readPart(len(parts))
		switch {
		case err == nil:
			parts = append(parts, part)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		case !patience.wait():
			return fmt.Errorf("no part of rank %s within %v", j.absent(), o.Patience)
		}
	}
	merged, err := merge(parts)
	if err == nil {
		err = compareFiles(j.dir, merged)
	}
	for rank := range o.Ranks {
		if err == nil {
			err = m.disk.RemoveAll(filepath.Join(j.dir, partName(rank)))
		}
	}
	if err == nil {
		err = merged.write(m.disk, j.dir)
	}
	if err == nil {
		err = m.disk.SyncDir(j.dir)
	}
	if err == nil {
		err = j.failure() // of a rank that has given up waiting
	}
	if err != nil {
		return err
	}
	return m.place(j.dir, j.step)
}

// absent lists the ranks whose part is not there.
func (j *shared) absent() string {
	var ranks []string
	for rank := range j.m.options.Ranks {
		if _, err := os.Stat(filepath.Join(j.dir, partName(rank))); err != nil {
			ranks = append(ranks, fmt.Sprint(rank))
		}
	}
	return some(ranks)
}

func (j *shared) readPart(rank int) (*manifest, error) {
	data, err := os.ReadFile(filepath.Join(j.dir, partName(rank)))
	if err != nil {
		return nil, err
	}
	part, err := decodePart(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", partName(rank), err)
	}
	return part, nil
}

// merge joins the parts of all ranks, by rank, and proves that they agree and cover every tensor exactly once.
func merge(parts []*manifest) (*manifest, error) {
	out := *parts[0]
	index := map[string]int{}
	for rank, part := range parts {
		if err := agree(&out, part, rank); err != nil {
			return nil, err
		}
		if rank > 0 {
			out.Files = append(out.Files, part.Files...)
		}
		for _, t := range part.Tensors {
			at, ok := index[t.Name]
			if !ok {
				index[t.Name] = len(index)
				if rank > 0 {
					out.Tensors = append(out.Tensors, t)
				}
				continue
			}
			mine := &out.Tensors[at]
			if mine.DType != t.DType || !slices.Equal(mine.Dims, t.Dims) {
				return nil, fmt.Errorf("tensor %q: rank %d has %s %v, one before %s %v", t.Name, rank, t.DType, t.Dims, mine.DType, mine.Dims)
			}
			mine.Pieces = append(mine.Pieces, t.Pieces...)
		}
	}
	if err := out.check(); err != nil {
		return nil, fmt.Errorf("the parts of %d ranks do not fit together: %w", len(parts), err)
	}
	return &out, nil
}

// agree says in what a rank's part differs from rank 0's where all must be equal.
func agree(first, part *manifest, rank int) error {
	if part.Step != first.Step {
		return fmt.Errorf("rank %d is at step %d, rank 0 at step %d", rank, part.Step, first.Step)
	}
	if part.Block != first.Block {
		return fmt.Errorf("rank %d has checksums over %d bytes, rank 0 over %d: the ranks run different programs", rank, part.Block, first.Block)
	}
	for key := range part.Values {
		if _, ok := first.Values[key]; !ok {
			return fmt.Errorf("value %q of rank %d is not there on rank 0", key, rank)
		}
	}
	for key, want := range first.Values {
		if got := part.Values[key]; !bytes.Equal(got, want) {
			return fmt.Errorf("value %q is %s on rank %d, %s on rank 0", key, brief(got), rank, brief(want))
		}
	}
	return nil
}

// brief is the beginning of a value, for an error line.
func brief(value json.RawMessage) string {
	if value == nil {
		return "absent"
	}
	return fmt.Sprintf("%.60s", strings.ToValidUTF8(string(value), "?"))
}

// compareFiles compares the data files of a folder with a manifest.
func compareFiles(dir string, m *manifest) error {
	c := newCheckpoint(dir, m)
	for _, f := range m.Files {
		if err := c.open(f); err != nil {
			return errors.Join(err, c.Close())
		}
	}
	return c.Close()
}

// await waits until rank 0 has put the checkpoint in its place.
func (j *shared) await() error {
	for patience := j.m.options.patience(); ; {
		if err := j.failure(); err != nil {
			return err
		}
		if _, err := os.Stat(j.dir); errors.Is(err, fs.ErrNotExist) {
			m, err := readManifest(filepath.Join(j.m.dir, folderName(j.step)))
			if err == nil && m.Save == j.id {
				return nil
			}
			return fmt.Errorf("its folder is gone and %s is not that of this save: another start has taken the run's folder", folderName(j.step))
		}
		if !patience.wait() {
			return fmt.Errorf("rank 0 did not finish within %v", j.m.options.Patience)
		}
	}
}

// failure is the line of the rank that failed first, if one did.
func (j *shared) failure() error {
	for range 20 {
		line, err := os.ReadFile(filepath.Join(j.dir, failedName))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if text, whole := bytes.CutSuffix(line, []byte("\n")); err == nil && whole {
			return told(text)
		}
		time.Sleep(50 * time.Millisecond) // it is being written
	}
	return told(fmt.Sprintf("checkpoint of step %d: a rank failed and could not write why", j.step))
}

// fail ends the save on all ranks, and returns the line of the rank that failed first. The line of a later one goes to the log.
func (j *shared) fail(err error) error {
	o := j.m.options
	if !j.published {
		j.remove(dataOf(o.Rank)) // before the line is written: the disk may be full
	}
	first := told("")
	if !errors.As(err, &first) {
		first = j.tell(fmt.Sprintf("checkpoint of step %d: rank %d of %d: %s", j.step, o.Rank, o.Ranks, strings.ReplaceAll(mend(err).Error(), "\n", "; ")))
	}
	if o.Rank == 0 {
		j.clear()
	}
	return first
}

// tell writes why this rank failed for the others to read, and returns the line of the rank that did so first.
func (j *shared) tell(line string) told {
	path := filepath.Join(j.dir, failedName)
	var err error
	for range 10 {
		err = writeFile(j.m.disk, path, func(w io.Writer) error {
			_, err := io.WriteString(w, line+"\n")
			return err
		})
		if !errors.Is(err, syscall.ENOSPC) {
			break
		}
		j.remove(failedName)
		time.Sleep(50 * time.Millisecond) // another rank, which has filled the disk, is about to make room
	}
	if errors.Is(err, fs.ErrExist) {
		if first := told(""); errors.As(j.failure(), &first) {
			j.m.options.Log(line)
			return first
		}
	}
	if err != nil {
		j.m.options.Log("checkpoints: the other ranks could not be told: " + err.Error())
	}
	return told(line)
}

// clear removes what the ranks have written of a save that failed. The folder, with the line of the rank that failed, stays for those
// that have not read it yet, until the next save succeeds or the folder is opened anew.
func (j *shared) clear() {
	j.m.failed = append(j.m.failed, j.dir)
	entries, _ := os.ReadDir(j.dir) // what cannot be listed goes with the folder
	for _, e := range entries {
		if e.Name() != failedName {
			j.remove(e.Name())
		}
	}
}

func (j *shared) remove(name string) {
	if err := j.m.disk.RemoveAll(filepath.Join(j.dir, name)); err != nil {
		j.m.options.Log("checkpoints: " + err.Error())
	}
}
