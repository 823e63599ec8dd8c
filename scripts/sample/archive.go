package main

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"m6lab/scripts/sample/origin"
)

// window lets the compressor find a drawing again anywhere in an archive.
const window = 32 << 20

// archive writes rows into a zstd-compressed tar, as NAME.json (a list of rows) beside the NAME.png they share.
type archive struct {
	file *os.File
	z    *zstd.Encoder
	tar  *tar.Writer
}

// stored is a row as the archives hold it; the reader in datasets/sample has the same.
type stored struct {
	ID         string          `json:"id"`
	Source     string          `json:"source"`
	Text       string          `json:"text"`
	References []string        `json:"references,omitempty"`
	Question   string          `json:"question,omitempty"`
	Answer     string          `json:"answer,omitempty"`
	Meta       json.RawMessage `json:"meta"`
}

func createArchive(path string) (*archive, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewWriter(file, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return &archive{file, z, tar.NewWriter(z)}, nil
}

// write adds rows that share one split and one picture, which may be none.
func (a *archive) write(rows ...origin.Row) error {
	list := make([]stored, len(rows))
	for i, r := range rows {
		list[i] = stored{r.ID, r.Source, r.Text, r.References, r.Question, r.Answer, json.RawMessage(r.Meta)}
	}
	data, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("row %s: %w", rows[0].ID, err)
	}
	name := rows[0].Split + "/" + rows[0].ID
	if rows[0].Image != nil {
		if err := a.add(name+".png", rows[0].Image); err != nil {
			return err
		}
	}
	return a.add(name+".json", data)
}

// writeArchive writes rows, each with a picture of its own or none, the small splits first: whoever wants one of them need not read train.
func writeArchive(path string, rows []origin.Row) error {
	a, err := createArchive(path)
	if err != nil {
		return err
	}
	for _, split := range []string{origin.Valid, origin.Test, origin.Train} {
		for _, r := range rows {
			if r.Split != split {
				continue
			}
			if err := a.write(r); err != nil {
				return err
			}
		}
	}
	return a.close()
}

func (a *archive) add(name string, data []byte) error {
	err := a.tar.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644, Format: tar.FormatUSTAR})
	if err != nil {
		return err
	}
	_, err = a.tar.Write(data)
	return err
}

func (a *archive) close() error {
	for _, c := range []io.Closer{a.tar, a.z, a.file} {
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}
