package source

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLayouts: lines of public data sets become the documents that they mean.
func TestLayouts(t *testing.T) {
	dir := tree(t, map[string]string{"p/1.jpg": "\xff\xd8\xffone"})
	for name, test := range map[string]struct {
		line string
		want Document
	}{
		"text":          {`{"text":"正文","title":" 标题\n二 ","url":"http://x/1","date":"2024-05-06 07:08:09","license":"CC0","id":7}`, Document{Body: []byte("正文"), Title: "标题 二", Address: "http://x/1", Date: "2024-05-06T07:08:09Z", License: "CC0", Source: "common_crawl"}},
		"source":        {`{"text":"正文","source":"forum"}`, Document{Body: []byte("正文"), Source: "forum"}},
		"newspaper":     {`{"news_id":"1","keywords":"","desc":"提要","title":"标题","source":"某报","time":"03-12 12:00","content":"正文"}`, Document{Body: []byte("正文"), Title: "标题", Source: "common_crawl"}},
		"wiki_zh":       {`{"id":"53","url":"https://zh.wikipedia.org/wiki?curid=53","title":"经济学","text":"经济学\n\n是"}`, Document{Body: []byte("经济学\n\n是"), Title: "经济学", Address: "https://zh.wikipedia.org/wiki?curid=53", Source: "common_crawl"}},
		"baike2018qa":   {`{"qid":"q1","category":"教育","title":"问题？","desc":"补充","answer":"回答。"}`, Document{Question: "问题？\n补充", Answer: "回答。", Source: "community_qa"}},
		"webtext2019zh": {`{"qid":1,"title":"问题？","desc":"","topic":"话题","star":3,"content":"回答。","answer_id":2,"answerer_tags":""}`, Document{Question: "问题？", Answer: "回答。", Source: "community_qa"}},
		"question":      {`{"question":"问？","answer":"答。","text":"全文"}`, Document{Question: "问？", Answer: "答。", Body: []byte("全文"), Source: "community_qa"}},
		"MUGE":          {`{"image_id":"a","text":["一","二"]}`, Document{Body: []byte("一"), References: []string{"一", "二"}, Source: "common_crawl"}},
		"Zero":          {`{"Url":"http://x/1","Title":"标题","Content":"正文","ImageUrl":"http://x/1.jpg","Keywords":"k"}`, Document{Body: []byte("正文"), Title: "标题", Address: "http://x/1", Images: []Image{{Address: "http://x/1.jpg"}}, Source: "web"}},
		"Wukong":        {`{"url":"http://x/1.jpg","caption":"说明"}`, Document{Body: []byte("说明"), Address: "http://x/1.jpg", Images: []Image{{Address: "http://x/1.jpg"}}, Source: "web"}},
		"picture":       {`{"text":"说明","image":"p/1.jpg"}`, Document{Body: []byte("说明"), Images: []Image{{Path: "p/1.jpg", Bytes: []byte("\xff\xd8\xffone")}}, Source: "web"}},
		"datasets":      {`{"text":"说明","image":{"path":"./p/1.jpg","bytes":null}}`, Document{Body: []byte("说明"), Images: []Image{{Path: "p/1.jpg", Bytes: []byte("\xff\xd8\xffone")}}, Source: "web"}},
		"pictures":      {`{"title":"商品","image":["p/1.jpg","http://x/2.jpg"]}`, Document{Body: []byte("商品"), Images: []Image{{Path: "p/1.jpg", Bytes: []byte("\xff\xd8\xffone")}, {Address: "http://x/2.jpg"}}, Source: "web"}},
		"html":          {`{"html":"<p>x</p>","url":"http://x/1","timestamp":1714979289}`, Document{Media: "text/html", Body: []byte("<p>x</p>"), Address: "http://x/1", Date: "2024-05-06T07:08:09Z", Source: "common_crawl"}},
		"better name":   {`{"description":"说明","content":"正文","text":null,"Text":""}`, Document{Body: []byte("正文"), Source: "common_crawl"}},
		"poem":          {`{"author":"李白","title":"静夜思","paragraphs":["床前明月光，","疑是地上霜。"]}`, Document{Body: []byte("床前明月光，\n疑是地上霜。"), Title: "静夜思", Source: "common_crawl"}},
		"escapes":       {`{"te\u0078t":"x","text":"\u4e2d\ud840\udc0b\n\"\/"}`, Document{Body: []byte("中𠀋\n\"/"), Source: "common_crawl"}},
	} {
		file := dir + "/f.jsonl"
		if err := os.WriteFile(file, []byte(test.line+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		documents, faults := read(t, Options{}, plan(t, 0, file)...)
		if len(documents) != 1 {
			t.Errorf("%s: %v", name, faults)
			continue
		}
		w := test.want
		w.ID, w.Charset = file+"#0", "utf-8"
		if w.Media == "" {
			w.Media = "text/plain"
		}
		if w.Address == "" {
			w.Address = w.ID
		}
		if diff := cmp.Diff(w, *documents[0]); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestDates(t *testing.T) {
	for in, want := range map[string]string{
		"2024-05-06T07:08:09.123+08:00": "2024-05-05T23:08:09Z", "2024-05-06": "2024-05-06T00:00:00Z", "Mon, 06 May 2024 07:08:09 GMT": "2024-05-06T07:08:09Z",
		"20240506070809": "2024-05-06T07:08:09Z", "2024年5月6日": "2024-05-06T00:00:00Z", "1714979289": "2024-05-06T07:08:09Z", "1714979289000": "2024-05-06T07:08:09Z",
		"20240506": "2024-05-06T00:00:00Z", "yesterday": "", "": "", "17": "", "99999999999999999999": "",
	} {
		if got := rowDate(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	dir := tree(t, map[string]string{"a\xff.html": "<html>bad", "b%41.html": "<html>percent", "c/\xfe/d.html": "<html>in", "e.html": "<html>e"})
	for spec, want := range map[string]int{dir: 2, dir + "/*.html": 1} {
		var parts []Part
		data, err := json.Marshal(plan(t, 1, spec))
		if err == nil {
			err = json.Unmarshal(data, &parts)
		}
		if err != nil {
			t.Fatal(err)
		}
		documents, faults := read(t, Options{}, parts...)
		if len(documents) != 2 || len(faults) != want || reasons(faults)[FaultFile] != want {
			t.Errorf("%s: %d documents, %v", spec, len(documents), faults)
		}
	}
}
