package record

import (
	"bytes"
	stdimage "image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// A folder of everything: what can be used becomes rows, what cannot is named with its reason, and nothing lies in two splits.
func TestFolder(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	put := func(name string, data []byte) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	picture := func(n int) []byte {
		im, data := stdimage.NewGray(stdimage.Rect(0, 0, 3, 5)), new(bytes.Buffer)
		im.Pix[0] = uint8(n)
		if err := png.Encode(data, im); err != nil {
			t.Fatal(err)
		}
		return data.Bytes()
	}
	put("图/青蛙.png", picture(1))
	put("图/青蛙.txt", []byte("一只青蛙。\n"))
	put("same.png", picture(1))
	put("same.txt", []byte("同一张图。"))
	put("lonely.png", picture(2))
	put("broken.jpg", []byte("no picture"))
	put("broken.txt", []byte("坏图。"))
	put("book.txt", []byte("第一段。\n\n第二段。\r\n\r\n第一段。"))
	put("gbk.txt", []byte{0xb4, 0xba, 0xc3, 0xdf})
	put("rows.jsonl", []byte(`{"question":"几只？","answer":"一只","image":"same.png"}`+"\n{broken\n"+`{"text":"外面","image":"../x.png"}`+"\n"+`{"text":""}`+"\n"))
	put("notes.pdf", []byte("x"))
	report, err := Folder(dir, out, FolderOptions{Seed: 3, Valid: 0.3, Test: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	for reason, want := range map[string]int{
		"a picture without a .txt of its name": 1, "a picture that cannot be decoded": 1, "a duplicate": 1, "a text that is no UTF-8": 1,
		"a line that is no JSON object": 1, "a picture outside the folder": 1, "no text": 1, "neither a picture nor .txt nor .jsonl": 1,
	} {
		if got := len(report.LeftOut[reason]); got != want {
			t.Errorf("left out for %q: %d, want %d: %v", reason, got, want, report.LeftOut[reason])
		}
	}
	pictures, rows := map[string]string{}, 0
	for _, split := range []string{"train", "valid", "test"} {
		set, err := Open(out, split)
		if err != nil {
			t.Fatal(err)
		}
		for i := range set.Len() {
			ex, err := set.Read(i)
			if err != nil {
				t.Fatal(err)
			}
			rows++
			if before, ok := pictures[string(ex.Image)]; ok && before != split && ex.Image != nil {
				t.Errorf("the picture of %s lies in %s and %s", ex.ID, before, split)
			}
			pictures[string(ex.Image)] = split
		}
		if err := set.Close(); err != nil {
			t.Error(err)
		}
	}
	if rows != 5 {
		t.Errorf("%d rows, want 5: two pictures with captions, two paragraphs, one question", rows)
	}
	if _, err := Folder(dir, out, FolderOptions{}); err == nil {
		t.Error("a folder that is not empty was written into")
	}
}
