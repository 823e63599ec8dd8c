package source

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// memory is an object in memory.
type memory struct{ *bytes.Reader }

func (m memory) Close() error { return nil }
func (m memory) From(at int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(m.Reader, at, max(0, m.Size()-at))), nil
}

// readMemory reads data as a file, from start to end (0: all), and checks what holds for any input.
func readMemory(t *testing.T, data []byte, format, name string, start, end int64) (documents []*Document, faults []*Fault) {
	t.Helper()
	const limit = 4 << 10
	o := memory{bytes.NewReader(data)}
	ids := map[string]bool{}
	s := &sink{ctx: context.Background(), o: Options{MaxDocument: limit}.orDefault(), store: disk{}, dir: "testdata/nowhere", part: Part{Address: name, Format: format, Start: start, End: end}}
	s.yield = func(d *Document, err error) bool {
		var f *Fault
		switch {
		case errors.As(err, &f):
			faults = append(faults, f)
			if strings.ContainsAny(f.Reason, "\r\n") || !strings.HasPrefix(f.Address, name) {
				t.Errorf("fault %q", f)
			}
		case err != nil:
			t.Errorf("error %v", err)
		default:
			documents = append(documents, d)
			if len(d.Body) > limit+1 || ids[d.ID] {
				t.Errorf("document %s of %d bytes: repeated or too large", d.ID, len(d.Body))
			}
			ids[d.ID] = true
		}
		return len(documents)+len(faults) < 10000
	}
	in, err := inspect(o, name, format)
	if err != nil {
		return nil, nil
	}
	if s.part.End == 0 {
		s.part.End = o.Size()
	}
	if err := s.readObject(o, in, name); err != nil && !errors.Is(err, errStopped) {
		t.Errorf("reading ends with %v", err)
	}
	return documents, faults
}

func FuzzWARC(f *testing.F) {
	a, b := record("http://x/a", "<html>a", 0), record("http://x/b", "3\r\nabc\r\n0\r\n\r\n", 0, "Transfer-Encoding: chunked", "Content-Encoding: gzip")
	f.Add([]byte(a+b), 100)
	f.Add([]byte(zipEach(a, b)), 40)
	f.Add([]byte(zipped(a+b)), 0)
	f.Add([]byte(a+record("http://x/c", "c", 99)+b), 7)
	f.Add([]byte("WARC/1.0\r\n\r\n"), 1)
	f.Add([]byte("\x1f\x8b\x08\x00\x1f\x8b\x08\x00"), 1)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		readMemory(t, data, FormatWARC, "f.warc", 0, 0)
		if at > 0 && at < len(data) {
			readMemory(t, data, FormatWARC, "f.warc", 0, int64(at))
			readMemory(t, data, FormatWARC, "f.warc", int64(at), 0)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=\"gbk\"\r\nContent-Encoding: br, gzip, deflate\r\n\r\n<html>"))
	f.Add([]byte("HTTP/1.1 200\nContent-Encoding: zstd\nTransfer-Encoding: chunked\n\n2\n\x28\xb5\n0\n"))
	f.Fuzz(func(t *testing.T, block []byte) {
		for _, partial := range []bool{false, true} {
			r, err := parseResponse(block, "text/html")
			if err != nil {
				return
			}
			if err := r.decode(1<<10, partial); err == nil && len(r.body) > 1<<10 {
				t.Errorf("%d bytes", len(r.body))
			}
		}
	})
}

func FuzzWiki(f *testing.F) {
	f.Add([]byte("<mediawiki><siteinfo><base>http://x/y</base><namespace key=\"6\">F</namespace></siteinfo><page><title>A</title><id>1</id><ns>0</ns><revision><timestamp>x</timestamp><text>[[b|c]] {{d}}</text></revision></page>"), 30)
	f.Add(fixtureOf("wiki_multi.xml.bz2")[:2000], 700)
	f.Add([]byte("<page><page></page><title/><text"), 3)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		readMemory(t, data, FormatWiki, "f.xml", 0, 0)
		if at > 0 && at < len(data) {
			readMemory(t, data, FormatWiki, "f.xml", int64(at), 0)
		}
	})
}

func FuzzWikitext(f *testing.F) {
	for _, s := range []string{"'''a''' [[b|c]] {{d|e=f}} [http://x y] <ref>z</ref>", "{|\n|a\n|}\n== h ==\n* i", "-{zh-cn:a;zh-tw:b}- <nowiki>x</nowiki> &amp;", "{{[[{|-{<ref>|}]]}}", "__TOC__（，）"} {
		f.Add(s)
	}
	s := &site{hidden: map[string]bool{"file": true}}
	f.Fuzz(func(t *testing.T, markup string) {
		got := string(s.plain(markup, ""))
		if utf8.ValidString(markup) && !utf8.ValidString(got) || strings.Contains(got, "\n\n") || strings.TrimSpace(got) != got {
			t.Errorf("%q gives %q", markup, got)
		}
	})
}

// FuzzTar: files that the standard library reads without error have the same entries here.
func FuzzTar(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"a.png", "a.txt", strings.Repeat("长", 90) + ".json"} {
		_ = w.WriteHeader(&tar.Header{Name: name, Size: 5, Mode: 0o644})
		_, _ = io.WriteString(w, "12345")
	}
	_ = w.Close()
	f.Add(b.Bytes(), 512)
	f.Add(b.Bytes()[:1300], 1024)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		readMemory(t, data, FormatWebDataset, "f.tar", 0, 0)
		if at > 0 && at < len(data) {
			readMemory(t, data, FormatWebDataset, "f.tar", int64(at), 0)
			readMemory(t, data, FormatWebDataset, "f.tar", 0, int64(at))
		}
	})
}

// FuzzObject: what is an object, and the values in it, is what encoding/json says.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{"text":"a\u4e2d\ud83d\ude00\n","b":[1,-2.5e+3,{"c":null}],"d":true}`, `{"a":"\ud800"}`, `{"a" : 01}`, `{"a":1,}`, `{} {}`, ` { } `, "{\"a\":\"\x01\"}", `{"a":"\x"}`, `{"title":["x",1]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) {
			return
		}
		got := map[string]string{}
		err := eachMember(data, func(key, value []byte) {
			k, err1 := unquote(key)
			if text, is := isString(value); is {
				v, err2 := unquote(text)
				if err1 == nil && err2 == nil {
					got[k] = v
				}
				return
			}
			delete(got, k)
			if value[0] == '[' {
				eachElement(value, func([]byte) {})
			}
		})
		var want map[string]any
		wantErr := json.Unmarshal(data, &want)
		if isObject := wantErr == nil && want != nil; isObject != (err == nil) && !strings.Contains(string(data), strings.Repeat("[", 100)) && !strings.Contains(string(data), strings.Repeat(`{"`, 100)) {
			t.Fatalf("%q: error %v, encoding/json says %v", data, err, wantErr)
		}
		if err != nil || strings.Contains(strings.ToLower(string(data)), `\ud`) {
			return
		}
		for k, v := range want {
			if s, is := v.(string); is && got[k] != s {
				t.Errorf("%q: %q is %q, want %q", data, k, got[k], s)
			}
		}
	})
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("{\"text\":\"a\"}\n{\"text\":\"b\"}\r\n\n{"), 5)
	f.Add([]byte("第一篇\n\n \t\n第二篇\n还是\n"), 12)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		if packingOf(data) != "" {
			readMemory(t, data, FormatJSONL, "f.jsonl", 0, 0)
			return
		}
		for _, format := range []string{FormatJSONL, FormatLines, FormatText} {
			documents, faults := readMemory(t, data, format, "f", 0, 0)
			if at <= 0 || at >= len(data) {
				continue
			}
			d1, f1 := readMemory(t, data, format, "f", 0, int64(at))
			d2, f2 := readMemory(t, data, format, "f", int64(at), 0)
			if len(d1)+len(d2) != len(documents) || len(damaged(f1))+len(damaged(f2)) != len(damaged(faults)) && reasons(faults)[FaultEmpty] == 0 {
				t.Errorf("%s cut at %d: %d+%d documents where there are %d, faults %v %v where there are %v", format, at, len(d1), len(d2), len(documents), f1, f2, faults)
			}
		}
	})
}

// FuzzTable: tables that the standard library reads have the same fields here.
func FuzzTable(f *testing.F) {
	f.Add([]byte("title,url\na,b\n\"c\n\"\"d\",e\n"))
	f.Add([]byte("title\turl\na\tb\n"))
	f.Add([]byte("\"\"\"\n\"\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		readMemory(t, data, FormatTable, "f.csv", 0, 0)
		readMemory(t, data, FormatTable, "f.tsv", 0, 0)
		if bytes.IndexByte(data, '\r') >= 0 || len(data) > 1000 {
			return
		}
		want, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		var perr *csv.ParseError
		if err != nil && !(errors.As(err, &perr) && errors.Is(perr.Err, csv.ErrFieldCount)) || perr != nil {
			return
		}
		tb := table{s: &sink{o: Options{}.orDefault()}, comma: ','}
		tb.st.reset(bytes.NewReader(data), 0)
		for i := 0; ; i++ {
			fields, err := tb.next()
			if err != nil {
				t.Fatalf("%q: row %d: %v", data, i, err)
			}
			if fields == nil {
				if i != len(want) {
					for _, row := range want[i:] {
						if len(row) != 1 || strings.TrimSpace(row[0]) != "" {
							t.Fatalf("%q: %d rows, want %d", data, i, len(want))
						}
					}
				}
				return
			}
			for i < len(want) && len(want[i]) == 1 && strings.TrimSpace(want[i][0]) == "" {
				want = append(want[:i], want[i+1:]...)
			}
			if i >= len(want) || strings.Join(fields, "\x00") != strings.Join(want[i], "\x00") {
				t.Fatalf("%q: row %d is %q, want %q", data, i, fields, want)
			}
		}
	})
}
