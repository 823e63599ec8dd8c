package sample

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"m6lab/datasets/record"
)

// Version is the checksum of the archives and the vocabulary: what a manifest says it was made from.
func Version() (string, error) {
	h := sha256.New()
	for _, name := range archives {
		content, err := data.ReadFile("data/" + name + ".tar.zst")
		if err != nil {
			return "", fmt.Errorf("sample: %w", err)
		}
		h.Write(content)
	}
	h.Write(vocab)
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// Write makes the data set in dir: train/, valid/, test/, manifest.json, vocab.txt and NOTICE. It appears whole or not at all. A folder that holds this very
// sample already is left as it is; one that holds anything else is an error.
func Write(dir string) error {
	version, err := Version()
	if err != nil {
		return err
	}
	if complete(dir, version) {
		return nil
	}
	err = record.Whole(dir, func(dir string) error {
		for _, split := range Splits() {
			if err := writeSplit(dir, split, version); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "vocab.txt"), vocab, 0o644); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "NOTICE"), notice, 0o644)
	})
	if err != nil {
		return fmt.Errorf("writing the sample to %s: %w", dir, err)
	}
	return nil
}

// complete tells whether dir holds the sample of that version, all files there and of their sizes.
func complete(dir, version string) bool {
	m, err := record.ReadManifest(dir)
	if err != nil || m.Made["sample"] != version {
		return false
	}
	sizes := map[string]int64{"vocab.txt": int64(len(vocab)), "NOTICE": int64(len(notice))}
	for _, split := range Splits() {
		if m.Splits[split] == nil {
			return false
		}
		for _, s := range m.Splits[split].Shards {
			sizes[s.File] = s.Bytes
		}
	}
	for name, size := range sizes {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || info.Size() != size {
			return false
		}
	}
	return true
}

func writeSplit(dir, split, version string) error {
	w, err := record.Create(dir, split, record.WriterOptions{Made: map[string]any{"sample": version}})
	if err != nil {
		return err
	}
	for ex, err := range Examples(split) {
		if err == nil {
			err = w.Write(ex)
		}
		if err != nil {
			_ = w.Discard() // the first error is the one to tell
			return err
		}
	}
	return w.Close()
}
