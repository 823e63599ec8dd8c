package checkpoints

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options are the settings of a [Manager].
type Options struct {
	// Keep is how many of the newest checkpoints stay, besides the best. Zero means 3. With 1, a checkpoint that is damaged
	// after it was written leaves nothing to go back to.
	Keep int
	// Log takes what is no error but must not pass unseen, a line at a time: what was skipped, removed or left behind by a
	// killed process. A save that goes on beside the caller calls it too. Nil means package log.
	Log func(line string)
	// Saved is told of each checkpoint that has become durable, and of the seconds that writing it took. A save that goes on beside the
	// caller calls it too; it may not call the manager. May be nil.
	Saved func(i Info, seconds float64)

	// Rank is this process's number among the Ranks that write each checkpoint together into one folder, which all of them see:
	// all save the same steps in the same order, each its own parts ([Source]). Ranks of 0 or 1 is a process alone.
	Rank, Ranks int
	// Session is a text that all ranks of one start share and that no other start of the run has had, such as the job's
	// number and how often it was started. It keeps apart what starts before have left. Needed where there are several ranks.
	Session string
	// Patience is how long a rank waits for another: to open the folder, or to finish its part of a save when its own is
	// written. Then the save fails on all ranks. Zero means ten minutes.
	Patience time.Duration

	// Address is an object store ([OpenBucket]) to which rank 0 copies the newest checkpoint after each save, while the run goes on, and
	// of which it keeps as many as here; "" for none. [Open] fetches the newest sound one where the folder has no checkpoint. A copy that
	// fails goes to the log and, where none succeeds later, is the error of [Manager.Close], which waits for the last copy.
	Address string
}

// normal fills in the defaults and refuses what cannot be.
func (o Options) normal() (Options, error) {
	switch {
	case o.Keep < 0:
		return o, fmt.Errorf("keep %d is negative", o.Keep)
	case o.Ranks > 1 && o.Session == "":
		return o, fmt.Errorf("%d ranks need a session, the same on all of them", o.Ranks)
	case o.Rank < 0 || o.Rank >= max(1, o.Ranks) || o.Ranks > maxRanks:
		return o, fmt.Errorf("rank %d of %d: ranks count from 0, at most %d of them", o.Rank, o.Ranks, maxRanks)
	}
	o.Keep, o.Ranks, o.Patience = cmp.Or(o.Keep, 3), max(1, o.Ranks), cmp.Or(o.Patience, 10*time.Minute)
	if o.Log == nil {
		o.Log = func(line string) { log.Print(line) }
	}
	return o, nil
}

// Manager saves and restores the checkpoints of one run: the folders step-00000120 and so on, in a folder of which it is the
// only writer. Its methods are for one goroutine; the writing of [Manager.SaveAsync] goes on beside it.
type Manager struct {
	dir     string
	options Options
	disk    storage
	lock    *os.File
	block   int64
	flight  chan error // the save under way, or nil
	joint   int64      // saves of several ranks that this process has begun
	failed  []string   // their folders, of those that failed
	mirror  *mirror    // nil without an address

	mu     sync.Mutex // for what follows
	best   *best
	known  map[string]string // damaged folders and why
	at     int64             // the step that this process restored or saved last, or -1
	serial int64             // of the last save
}

// Open creates the folder where it is missing, takes its lock, and removes what saves that were killed have left behind. Of several
// ranks, rank 0 does this, and the others wait until it is done. A folder in use is a [*LockedError].
func Open(dir string, o Options) (*Manager, error) { return open(dir, o, disk{}) }

func open(dir string, o Options, s storage) (*Manager, error) {
	o, err := o.normal()
	if err != nil {
		return nil, fmt.Errorf("checkpoints %s: %w", dir, err)
	}
	m := &Manager{dir: dir, options: o, disk: s, block: blockSize, known: map[string]string{}, at: -1}
	if o.Rank > 0 {
		if m.lock, err = joinFolder(dir, o); err != nil {
			return nil, err
		}
		return m, nil
	}
	if err := makeFolder(s, dir); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", mend(err))
	}
	if m.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	err = m.clean()
	if err == nil {
		m.best, err = readBest(dir)
	}
	if err == nil && o.Address != "" {
		m.mirror, err = openMirror(m)
	}
	if err != nil {
		_ = m.lock.Close() // the first error is the one to tell
		return nil, fmt.Errorf("checkpoints %s: %w", dir, mend(err))
	}
	if o.Ranks > 1 {
		sign(m.lock, 1, sessionLine(o))
	}
	return m, nil
}

// The names of folders under way: a word, the checkpoint's name, and eight letters of chance.
const (
	saving   = ".saving-"   // being written
	replaced = ".replaced-" // moved aside for another save of its step
	removing = ".removing-" // being removed
	together = ".together-" // being written by several ranks; not the checkpoint's name but that of the save, see [shared]
)

func (m *Manager) aside(kind string, step int64) string {
	return filepath.Join(m.dir, kind+folderName(step)+"-"+rand.Text()[:8])
}

// leftover takes apart the name of a folder under way.
func leftover(name string) (kind string, step int64, ok bool) {
	for _, kind := range []string{saving, replaced, removing, together} {
		if rest, found := strings.CutPrefix(name, kind); found && len(rest) > 9 && rest[len(rest)-9] == '-' {
			step, ok := stepOf(rest[:len(rest)-9])
			return kind, step, ok
		}
	}
	return "", 0, false
}

// clean finishes or undoes what a killed process had begun. It holds the lock, so nobody is at it any more.
func (m *Manager) clean() error {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		kind, step, ok := leftover(e.Name())
		path, target := filepath.Join(m.dir, e.Name()), filepath.Join(m.dir, folderName(step))
		ok = ok && e.IsDir() || e.Type().IsRegular() && bestAside.MatchString(e.Name())
		if !ok {
			continue
		}
		if _, err := os.Lstat(target); kind == replaced && errors.Is(err, os.ErrNotExist) {
			if err := m.disk.Rename(path, target); err != nil {
				return err
			}
			m.options.Log("checkpoints: put back " + target + ", whose replacement was killed")
			continue
		}
		if err := m.disk.RemoveAll(path); err != nil {
			return err
		}
		m.options.Log("checkpoints: removed " + path + ", left behind by a killed process")
	}
	return nil
}

// Save writes a checkpoint and returns when it is durable. It waits for a [Manager.SaveAsync] before; where that one failed
// and this one does not, the earlier error goes to the log.
func (m *Manager) Save(s State) error { return m.SaveFrom(s.source()) }

// SaveFrom is [Manager.Save] for tensors that come one by one.
func (m *Manager) SaveFrom(s Source) error {
	earlier := m.Wait()
	write, err := m.begin(s)
	if err == nil {
		err = write()
	}
	switch {
	case err != nil && earlier != nil:
		return fmt.Errorf("%w; before that %w", err, earlier)
	case earlier != nil:
		m.options.Log(earlier.Error() + "; the save after it succeeded")
	}
	return err
}

// SaveAsync checks the state and writes it while the caller goes on; neither the tensors nor the values may change until
// the next call of a method that saves or waits. One save is under way at a time: a second call waits for the first. Where
// that one failed, its error is returned and nothing is begun; call again to try anew.
func (m *Manager) SaveAsync(s State) error { return m.SaveAsyncFrom(s.source()) }

// SaveAsyncFrom is [Manager.SaveAsync] for tensors that come one by one; Data is called while the caller goes on.
func (m *Manager) SaveAsyncFrom(s Source) error {
	if err := m.Wait(); err != nil {
		return err
	}
	write, err := m.begin(s)
	if err != nil {
		return err
	}
	flight := make(chan error, 1)
	m.flight = flight
	go func() { flight <- write() }()
	return nil
}

// begin checks a save and returns what writes it.
func (m *Manager) begin(s Source) (write func() error, err error) {
	if m.options.Ranks > 1 {
		return m.beginShared(s)
	}
	p, err := newPlan(s, m.block)
	if err == nil {
		err = m.number(p)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint of step %d: %w", s.Step, err)
	}
	return func() error { return m.commit(p) }, nil
}

// Wait returns when no save is under way, with the error of the last one if it failed and nobody was told yet.
func (m *Manager) Wait() error {
	if m.flight == nil {
		return nil
	}
	err := <-m.flight
	m.flight = nil
	return err
}

// settle waits like Wait, but leaves the error for the next call that reports it.
func (m *Manager) settle() {
	if err := m.Wait(); err != nil {
		m.flight = make(chan error, 1)
		m.flight <- err
	}
}

// Close waits and gives the folder free.
func (m *Manager) Close() error {
	err := m.Wait()
	if m.mirror != nil {
		err = errors.Join(err, m.mirror.close())
	}
	if m.options.Rank == 0 {
		sign(m.lock, 1, "") // the session is over
	}
	return errors.Join(err, m.lock.Close())
}

// number gives a save its serial, and refuses one that does not follow from what this process restored or saved before.
func (m *Manager) number(p *plan) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.follows(p.source.Step); err != nil {
		return err
	}
	m.serial++
	p.manifest.Serial = m.serial
	return nil
}

// follows says whether a save of a step may come now, and finds the highest serial before the first.
func (m *Manager) follows(step int64) error {
	if step < m.at {
		return fmt.Errorf("the run is at step %d: restore the earlier step first", m.at)
	}
	if m.at >= 0 && m.serial > 0 {
		return nil
	}
	all, err := scan(m.dir)
	if err != nil {
		return err
	}
	if m.at < 0 && len(all) > 0 {
		return fmt.Errorf("%s already holds %s: restore it first, or choose another folder", m.dir, filepath.Base(all[0].path))
	}
	for _, f := range all {
		if f.manifest != nil {
			m.serial = max(m.serial, f.manifest.Serial)
		}
	}
	return nil
}

// commit writes a planned checkpoint aside and puts it in its place; only then are others removed.
func (m *Manager) commit(p *plan) error {
	begin, step := time.Now(), p.source.Step
	aside := m.aside(saving, step)
	err := p.write(m.disk, aside)
	if err == nil {
		err = m.place(aside, step)
	}
	if err != nil {
		if e := m.disk.RemoveAll(aside); e != nil {
			m.options.Log("checkpoints: " + e.Error())
		}
		return fmt.Errorf("checkpoint of step %d (%.1f MB): %w", step, float64(p.bytes)/1e6, mend(err))
	}
	m.committed(step)
	if m.options.Saved != nil {
		m.options.Saved(p.manifest.info(filepath.Join(m.dir, folderName(step))), time.Since(begin).Seconds())
	}
	return nil
}

// committed notes that the checkpoint of a step is in its place, and removes what is not kept.
func (m *Manager) committed(step int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = step
	delete(m.known, filepath.Join(m.dir, folderName(step)))
	if m.options.Rank > 0 {
		return
	}
	if m.mirror != nil {
		m.mirror.copy(step)
	}
	m.prune(step)
	for _, dir := range m.failed { // every rank has begun another save since
		if err := m.disk.RemoveAll(dir); err != nil {
			m.options.Log("checkpoints: " + err.Error())
		}
	}
	m.failed = nil
}

// place renames a finished folder to its name. A folder that has the name (damaged, or saved twice) is moved aside before
// and removed after.
func (m *Manager) place(aside string, step int64) error {
	target := filepath.Join(m.dir, folderName(step))
	old := ""
	if _, err := os.Lstat(target); err == nil {
		old = m.aside(replaced, step)
		if err := m.disk.Rename(target, old); err != nil {
			return err
		}
	}
	if err := m.disk.Rename(aside, target); err != nil {
		if old != "" {
			if e := m.disk.Rename(old, target); e != nil {
				m.options.Log("checkpoints: " + e.Error())
			}
		}
		return err
	}
	if err := m.disk.SyncDir(m.dir); err != nil {
		return err
	}
	if old != "" {
		if err := m.disk.RemoveAll(old); err != nil {
			m.options.Log("checkpoints: " + err.Error())
		}
	}
	return nil
}
