package checkpoints

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Options are the settings of a [Manager].
type Options struct {
	// Keep is how many of the newest checkpoints stay, besides the best. Zero means 3. With 1, a checkpoint that is damaged
	// after it was written leaves nothing to go back to.
	Keep int
	// Log takes what is no error but must not pass unseen, a line at a time: what was skipped, removed or left behind by a
	// killed process. A save that goes on beside the caller calls it too. Nil means package log.
	Log func(line string)
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

	mu     sync.Mutex // for what follows
	best   *best
	known  map[string]string // damaged folders and why
	at     int64             // the step that this process restored or saved last, or -1
	serial int64             // of the last save
}

// Open creates the folder where it is missing, takes its lock, and removes what saves that were killed have left behind.
func Open(dir string, o Options) (*Manager, error) { return open(dir, o, disk{}) }

func open(dir string, o Options, s storage) (*Manager, error) {
	if o.Keep < 0 {
		return nil, fmt.Errorf("checkpoints %s: keep %d is negative", dir, o.Keep)
	}
	if o.Keep == 0 {
		o.Keep = 3
	}
	if o.Log == nil {
		o.Log = func(line string) { log.Print(line) }
	}
	if err := makeFolder(s, dir); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", mend(err))
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	m := &Manager{dir: dir, options: o, disk: s, lock: lock, block: blockSize, known: map[string]string{}, at: -1}
	err = m.clean()
	if err == nil {
		m.best, err = readBest(dir)
	}
	if err != nil {
		_ = lock.Close() // the first error is the one to tell
		return nil, fmt.Errorf("checkpoints %s: %w", dir, mend(err))
	}
	return m, nil
}

// The names of folders under way: a word, the checkpoint's name, and eight letters of chance.
const (
	saving   = ".saving-"   // being written
	replaced = ".replaced-" // moved aside for another save of its step
	removing = ".removing-" // being removed
)

func (m *Manager) aside(kind string, step int64) string {
	return filepath.Join(m.dir, kind+folderName(step)+"-"+rand.Text()[:8])
}

// leftover takes apart the name of a folder under way.
func leftover(name string) (kind string, step int64, ok bool) {
	for _, kind := range []string{saving, replaced, removing} {
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
	p, err := m.prepare(s)
	if err == nil {
		err = m.commit(p)
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
func (m *Manager) SaveAsync(s State) error {
	if err := m.Wait(); err != nil {
		return err
	}
	p, err := m.prepare(s.source())
	if err != nil {
		return err
	}
	flight := make(chan error, 1)
	m.flight = flight
	go func() { flight <- m.commit(p) }()
	return nil
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
	return errors.Join(m.Wait(), m.lock.Close())
}

// prepare lays out a save and refuses one that does not follow from what this process restored or saved before.
func (m *Manager) prepare(s Source) (*plan, error) {
	p, err := newPlan(s, m.block)
	if err != nil {
		return nil, fmt.Errorf("checkpoint of step %d: %w", s.Step, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.follows(s.Step); err != nil {
		return nil, fmt.Errorf("checkpoint of step %d: %w", s.Step, err)
	}
	m.serial++
	p.manifest.Serial = m.serial
	return p, nil
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
	step := p.source.Step
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
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = step
	delete(m.known, filepath.Join(m.dir, folderName(step)))
	m.prune(step)
	return nil
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
