package m6

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"m6lab/m6/hosts"
	"m6lab/m6/watch"
)

// agreeSession gives all ranks of this start a name in common, under which they write checkpoints together.
func (t *Training) agreeSession() error {
	session, err := t.hosts.Broadcast([]byte(rand.Text()), 0)
	t.session = string(session)
	return err
}

// Save writes a checkpoint of the state and the position in the data, and waits until it is durable; of several ranks all wait.
func (t *Training) Save() error {
	err := t.save(false)
	if err == nil {
		err = t.manager.Wait()
	}
	return hosts.Agree(t.hosts, err)
}

// save writes the state's shards, each rank its own; in the background it takes a [Snapshot], and training goes on while that is written.
func (t *Training) save(background bool) error {
	if t.saved == t.State.Step {
		return nil
	}
	defer t.clock.In(watch.Checkpoint)()
	begin := time.Now()
	defer func() { t.server.Metrics().Stalled(time.Since(begin)) }()
	values := map[string]json.RawMessage{}
	for name, value := range map[string]any{"position": t.position, "data": t.fingerprint(), "losses": t.losses} {
		data, err := json.Marshal(value)
		if err != nil {
			return err
		}
		values[name] = data
	}
	t.saved = t.State.Step
	if !background {
		source, err := t.State.Source(t.hosts.Rank(), t.hosts.Size())
		if err != nil {
			return err
		}
		source.Values = values
		return t.manager.SaveFrom(source)
	}
	if err := t.manager.Wait(); err != nil { // the copy of before is written
		return err
	}
	source, err := t.copied.Take(t.State, t.hosts.Rank(), t.hosts.Size())
	if err != nil {
		return err
	}
	source.Values = values
	return t.manager.SaveAsyncFrom(source)
}
