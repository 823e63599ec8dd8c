package fetch

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// key is the hash of an address.
type key [16]byte

func keyOf(address string) key {
	sum := sha256.Sum256([]byte(address))
	return key(sum[:16])
}

// entry is what the journal knows of an address.
type entry struct {
	hash      [32]byte // of the bytes
	reason    string   // of a failure; "" success
	detail    string
	transient bool
	data      []byte // where there is no folder
}

// journal is the cache: a folder with journal.jsonl, a line an outcome, and the bytes under their hash in objects/. Lines are only ever
// appended. Of several lines for an address, the last success counts, or else the last failure.
type journal struct {
	folder string
	mu     sync.Mutex
	file   *os.File
	known  map[key]entry
	broken int // lines that could not be read
}

// record is a line of the journal.
type record struct {
	URL       string `json:"url"`
	Hash      string `json:"sha256,omitempty"`
	Bytes     int    `json:"bytes,omitempty"`
	Media     string `json:"media,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Detail    string `json:"detail,omitempty"`
	Transient bool   `json:"transient,omitempty"`
}

const (
	journalName = "journal.jsonl"
	objectsName = "objects"
	longestLine = 64 << 10
)

// openJournal reads the journal of a folder, "" none: then outcomes are kept in memory.
func openJournal(folder string) (*journal, error) {
	j := &journal{folder: folder, known: map[key]entry{}}
	if folder == "" {
		return j, nil
	}
	if err := os.MkdirAll(filepath.Join(folder, objectsName), 0o755); err != nil {
		return nil, fmt.Errorf("fetch: cache folder: %w", err)
	}
	path := filepath.Join(folder, journalName)
	ended := true
	var err error
	if j.broken, ended, err = readJournal(path, func(r *record, e entry) {
		k := keyOf(r.URL)
		if old, ok := j.known[k]; !ok || old.reason != "" || e.reason == "" {
			j.known[k] = e
		}
	}); err != nil {
		return nil, err
	}
	if j.file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return nil, fmt.Errorf("fetch: journal: %w", err)
	}
	if !ended { // the last run was killed while it wrote: its half line is closed, and counts as broken
		if _, err := j.file.WriteString("\n"); err != nil {
			return nil, fmt.Errorf("fetch: journal: %w", err)
		}
	}
	return j, nil
}

// readJournal calls each for the lines of a journal that can be read, counts the others, and says whether the last line is ended. A journal
// that is not there is empty.
func readJournal(path string, each func(*record, entry)) (broken int, ended bool, err error) {
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return 0, true, nil
	}
	if err != nil {
		return 0, true, fmt.Errorf("fetch: journal: %w", err)
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, longestLine)
	ended = true
	for {
		line, err := in.ReadSlice('\n')
		tooLong := false
		for err == bufio.ErrBufferFull {
			tooLong = true
			line, err = in.ReadSlice('\n')
		}
		if len(line) > 0 {
			ended = line[len(line)-1] == '\n'
			r, e, ok := parseRecord(line)
			if ok && ended && !tooLong {
				each(r, e)
			} else if len(bytes.TrimSpace(line)) > 0 {
				broken++
			}
		}
		if err != nil {
			return broken, ended, ioError(err)
		}
	}
}

func parseRecord(line []byte) (*record, entry, bool) {
	var r record
	var e entry
	if json.Unmarshal(line, &r) != nil || r.URL == "" || (r.Hash == "") == (r.Reason == "") {
		return nil, e, false
	}
	e.reason, e.detail, e.transient = r.Reason, r.Detail, r.Transient
	if r.Hash != "" {
		sum, err := hex.DecodeString(r.Hash)
		if err != nil || len(sum) != len(e.hash) {
			return nil, e, false
		}
		copy(e.hash[:], sum)
	}
	return &r, e, true
}

func (j *journal) find(k key) (entry, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e, ok := j.known[k]
	return e, ok
}

// read returns the outcome that e is. The error says that the folder no longer holds the bytes, or holds others.
func (j *journal) read(e entry, address string) ([]byte, *Failure, error) {
	if e.reason != "" {
		return nil, &Failure{Reason: e.reason, URL: address, Detail: e.detail, Transient: e.transient}, nil
	}
	if j.folder == "" {
		return bytes.Clone(e.data), nil, nil
	}
	data, err := os.ReadFile(j.object(e.hash))
	if err != nil {
		return nil, nil, fmt.Errorf("object %x is missing", e.hash[:6])
	}
	if sha256.Sum256(data) != e.hash {
		return nil, nil, fmt.Errorf("object %x has other bytes", e.hash[:6])
	}
	return data, nil, nil
}

// object returns the path of the bytes with this hash.
func (j *journal) object(hash [32]byte) string {
	name := hex.EncodeToString(hash[:])
	return filepath.Join(j.folder, objectsName, name[:2], name)
}

// write keeps an outcome: first the bytes, then the line that names them.
func (j *journal) write(k key, address string, data []byte, media string, failure *Failure) error {
	r := record{URL: address}
	var e entry
	if failure != nil {
		r.Reason, r.Detail, r.Transient = failure.Reason, failure.Detail, failure.Transient
		e.reason, e.detail, e.transient = r.Reason, r.Detail, r.Transient
	} else {
		e.hash = sha256.Sum256(data)
		r.Hash, r.Bytes, r.Media = hex.EncodeToString(e.hash[:]), len(data), media
		if j.folder == "" {
			e.data = bytes.Clone(data)
		} else if err := j.store(e.hash, data); err != nil {
			return err
		}
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("fetch: journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		if _, err := j.file.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("fetch: journal: %w: free space in %s", err, j.folder)
		}
	}
	j.known[k] = e
	return nil
}

// store writes bytes under their hash, whole or not at all.
func (j *journal) store(hash [32]byte, data []byte) error {
	path := j.object(hash)
	if old, err := os.ReadFile(path); err == nil && sha256.Sum256(old) == hash {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("fetch: cache: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("fetch: cache: %w", err)
	}
	_, err = file.Write(data)
	if err2 := file.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("fetch: cache: %w: free space in %s", err, j.folder)
	}
	return nil
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Sync()
	if err2 := j.file.Close(); err == nil {
		err = err2
	}
	j.file = nil
	if err != nil {
		return fmt.Errorf("fetch: journal: %w", err)
	}
	return nil
}
