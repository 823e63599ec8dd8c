package checkpoints

import "path/filepath"

// List returns the checkpoints whose manifests can be read, newest first. Their data is not read.
func (m *Manager) List() ([]Info, error) { return List(m.dir) }

// Latest finds the newest sound checkpoint, as the function [Latest] does; what it skips goes to the log.
func (m *Manager) Latest() (Info, error) {
	i, report, err := Latest(m.dir)
	m.note(report)
	return i, err
}

// Restore reads the newest sound checkpoint. Those that it had to skip are in the report, each with its reason, and in the
// log. [ErrNone] means that there is none because nothing was saved yet.
func (m *Manager) Restore() (State, Report, error) {
	m.settle()
	s, report, err := Load(m.dir)
	m.note(report)
	if err == nil {
		m.moveTo(s.Step)
	}
	return s, report, err
}

// RestoreWith is [Manager.Restore] for a state that is read piece by piece, as [LoadWith] does it.
func (m *Manager) RestoreWith(read func(*Checkpoint) error) (Info, Report, error) {
	m.settle()
	i, report, err := LoadWith(m.dir, read)
	m.note(report)
	if err == nil {
		m.moveTo(i.Step)
	}
	return i, report, err
}

// RestoreStep reads the checkpoint of one step. The next save continues from there, and takes the later checkpoints away.
func (m *Manager) RestoreStep(step int64) (s State, err error) {
	err = m.RestoreStepWith(step, func(c *Checkpoint) error {
		s, err = c.State()
		return err
	})
	return s, err
}

// RestoreStepWith is [Manager.RestoreStep] for a state that is read piece by piece.
func (m *Manager) RestoreStepWith(step int64, read func(*Checkpoint) error) error {
	m.settle()
	c, err := OpenCheckpoint(filepath.Join(m.dir, folderName(step)))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := read(c); err != nil {
		return err
	}
	m.moveTo(step)
	return nil
}

func (m *Manager) moveTo(step int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = step
}

// note remembers which checkpoints are damaged, so that they do not count among those to keep.
func (m *Manager) note(r Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range r.Problems {
		m.known[p.Path] = p.Reason
		m.options.Log("checkpoints: skipped " + p.String())
	}
}
