package m6

import "encoding/json"

// Save writes a checkpoint of the state and the position in the data, and waits until it is durable.
func (t *Training) Save() error {
	if t.saved == t.State.Step {
		return t.manager.Wait()
	}
	return t.save(false)
}

// save writes the state's shards; in the background it copies them to the host first, and training goes on while they are written.
func (t *Training) save(background bool) error {
	if t.saved == t.State.Step {
		return nil
	}
	position, err := json.Marshal(t.position)
	if err != nil {
		return err
	}
	data, err := json.Marshal(t.fingerprint())
	if err != nil {
		return err
	}
	values := map[string]json.RawMessage{"position": position, "data": data}
	t.saved = t.State.Step
	if !background {
		source, err := t.State.Source(t.options.Rank, t.options.Ranks)
		if err != nil {
			return err
		}
		source.Values = values
		return t.manager.SaveFrom(source)
	}
	if err := t.manager.Wait(); err != nil { // the copy of before is written
		return err
	}
	source, err := t.copied.Take(t.State, t.options.Rank, t.options.Ranks)
	if err != nil {
		return err
	}
	source.Values = values
	return t.manager.SaveAsyncFrom(source)
}
