package record

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"

	"m6lab/datasets"
)

// foreign writes rows of any type to DIR/train.parquet and returns DIR.
func foreign[T any](t *testing.T, rows []T, options ...parquet.WriterOption) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "folder")
	check(t, os.Mkdir(dir, 0o777))
	f, err := os.Create(filepath.Join(dir, "train.parquet"))
	check(t, err)
	w := parquet.NewGenericWriter[T](f, options...)
	_, err = w.Write(rows)
	check(t, err)
	check(t, w.Close())
	check(t, f.Close())
	return dir
}

// TestForeignColumns opens files whose columns are not ours: what is missing or of another type is named.
func TestForeignColumns(t *testing.T) {
	type good struct {
		ID   string `parquet:"id"`
		Text string `parquet:"text"`
	}
	type noID struct {
		Text string `parquet:"text"`
		URL  string `parquet:"url"`
	}
	type neither struct {
		URL string `parquet:"url"`
	}
	type number struct {
		ID   int64  `parquet:"id"`
		Text string `parquet:"text"`
	}
	type flatImage struct {
		ID    string `parquet:"id"`
		Text  string `parquet:"text"`
		Image []byte `parquet:"image"`
	}
	type oneReference struct {
		ID         string `parquet:"id"`
		Text       string `parquet:"text"`
		References string `parquet:"references"`
	}
	type listText struct {
		ID   string   `parquet:"id"`
		Text []string `parquet:"text,list"`
	}
	tests := []struct{ name, dir, want string }{
		{"id missing", foreign(t, []noID{{"a", "b"}}), "train.parquet: the required columns id are missing (it has text, url)"},
		{"both missing", foreign(t, []neither{{"b"}}), "the required columns id, text are missing (it has url)"},
		{"number", foreign(t, []number{{1, "a"}}), "column id is id INT(64,true), want a string"},
		{"image is bytes", foreign(t, []flatImage{{"1", "a", nil}}), "column image has no binary field bytes, want struct{bytes binary, path string}"},
		{"references is one", foreign(t, []oneReference{{"1", "a", "b"}}), "column references is references"},
		{"text is a list", foreign(t, []listText{{"1", []string{"a"}}}), "column text is text.list.element"},
		{"LZ4", foreign(t, []good{{"1", "a"}}, parquet.Compression(&parquet.Lz4Raw)), "compression LZ4_RAW is not read: write the file with zstd"},
		{"no rows", foreign(t, []good{}), "split train of"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := Open(test.dir, "train")
			if err == nil {
				s.Close()
			}
			wantLine(t, err, test.want)
		})
	}
}

// TestForeignRequired reads a file whose columns cannot be null, in every compression that is read.
func TestForeignRequired(t *testing.T) {
	type row struct {
		ID         string   `parquet:"id"`
		Text       string   `parquet:"text,dict"`
		References []string `parquet:"references,list"`
	}
	var rows []row
	for i := range 101 {
		rows = append(rows, row{fmt.Sprint(i), []string{"甲", "乙", ""}[i%3], []string{"丙", "丁"}[:i%3]})
	}
	for name, codec := range map[string]parquet.WriterOption{
		"none": parquet.Compression(&parquet.Uncompressed), "snappy": parquet.Compression(&parquet.Snappy), "gzip": parquet.Compression(&parquet.Gzip),
		"brotli": parquet.Compression(&parquet.Brotli), "zstd": parquet.Compression(&parquet.Zstd),
	} {
		for version := 1; version <= 2; version++ {
			t.Run(fmt.Sprintf("%s, pages of version %d", name, version), func(t *testing.T) {
				s, err := Open(foreign(t, rows, codec, parquet.DataPageVersion(version), parquet.PageBufferSize(97)), "train")
				check(t, err)
				defer s.Close()
				for i, row := range rows {
					got, err := s.Read(i)
					check(t, err)
					if got.ID != row.ID || got.Text != row.Text || len(got.References) != len(row.References) || got.Source != "folder" {
						t.Errorf("row %d = %+v, want %+v of source folder", i, got, row)
					}
				}
			})
		}
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	w, err := Create(dir, "train", WriterOptions{Made: map[string]any{"by": "an example"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, line := range []string{"床前明月光", "疑是地上霜"} {
		if err := w.Write(datasets.Example{ID: fmt.Sprint(i), Source: "poems", Text: line}); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
		return
	}
	s, err := Open(dir, "train")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	ex, err := s.Read(1)
	fmt.Println(s.Len(), s.Entry(1).Text, ex.Source, ex.Text, err)
	// Output: 2 5 poems 疑是地上霜 <nil>
}
