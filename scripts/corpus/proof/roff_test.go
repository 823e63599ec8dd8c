package main

import (
	"strings"
	"testing"

	"golang.org/x/net/html/charset"
)

func TestManual(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"paragraphs join without blanks between Han", ".TH A 1\n.SH 名\n第一\n行\nword\nmore\n.PP\n二", "<h2>名</h2>\n<p>第一行 word more</p>\n<p>二</p>\n"},
		{"fonts", ".TH A 1\n.SH N\n\\fB粗\\fP 和 \\fI斜\\fR\\-x\n.BR ls (1)\n.B 全 部", "<h2>N</h2>\n<p><b>粗</b> 和 <i>斜</i>-x <b>ls</b>(1) <b>全 部</b></p>\n"},
		{"terms", ".TH A 1\n.SH N\n.TP\n\\fB\\-a\\fP\n说明\n.IP \\(bu 2\n点", "<h2>N</h2>\n<dt><b>-a</b></dt>\n<dd>说明</dd>\n<dt>·</dt>\n<dd>点</dd>\n"},
		{"verbatim", ".TH A 1\n.SH N\n.nf\na  <b\n\nc\\e\n.fi\n后", "<h2>N</h2>\n<pre>\na  &lt;b\n\nc\\\n</pre>\n<p>后</p>\n"},
		{"definitions and conditions are passed over", ".TH A 1\n.de XX\n坏\n..\n.if t \\{\\\n坏\n.\\}\n.ie n 好\n.el 坏\n.SH N\n文", "<p>好</p>\n<h2>N</h2>\n<p>文</p>\n"},
		{"a font macro whose words stand on the next line", ".TH A 1\n.SH N\n.SM\n.B 字", "<h2>N</h2>\n<p><b>字</b></p>\n"},
		{"comments and unknown escapes", ".TH A 1\n.\\\" x\n.SH N\n字\\*(XX\\s-1小\\s0\\&。\\\" 注", "<h2>N</h2>\n<p>字小。</p>\n"},
		{"mdoc", ".Dt SSH 1\n.Sh NAME\n.Nm ssh\n.Nd 客户端\n.Bl -tag\n.It Fl a Ar 项 .\n说明\n.El", "<h2>NAME</h2>\n<p><b>ssh</b> 客户端</p>\n<dl>\n<dt>-<b>a</b> <i>项</i><i>.</i></dt>\n<dd>说明</dd>\n</dl>\n"},
		{"blocks that never end", ".TH A 1\n.SH N\n.RS\n.nf\n字\n.if t \\{\n", "<h2>N</h2>\n<div>\n<pre>\n字\n</pre>\n</div>\n"},
	}
	for _, test := range tests {
		if _, got, _ := manual(test.source, 0); got != test.want {
			t.Errorf("%s:\n got %q\nwant %q", test.name, got, test.want)
		}
	}
	if _, _, ok := manual(".so man1/ls.1\n", 0); ok {
		t.Error("a page that only names another was taken")
	}
}

func FuzzManual(f *testing.F) {
	for _, s := range []string{".TH A 1\n.SH N\n\\f", ".if n .if n .if n .ie n x", ".TP\n.TP\n.IP", ".B\n.B", "\\fB\\*(", ".RE\n.RE\n.fi", "\"\n.SH \"a", ".It Op Fl"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		title, page, ok := manual(s, 0)
		if ok && (title == "" || !strings.Contains(page, "<h2>")) {
			t.Errorf("a page without title or heading was taken: %q", page)
		}
	})
}

// TestEncode: the readers of the web's charsets get the text back, numeric references for what a charset lacks.
func TestEncode(t *testing.T) {
	const text = "<html><head><meta charset=\"utf-8\"><title>測試测试😀</title></head></html>"
	for _, ways := range [][]share{simplifiedWays, traditionalWays, {{0, plainWay}}} {
		for _, s := range ways {
			data, err := s.way.encode(text)
			if err != nil {
				t.Fatal(err)
			}
			label := "utf-8"
			switch kind := strings.Fields(strings.ReplaceAll(s.way.Kind, ",", ""))[0]; kind {
			case "GBK", "GB18030", "Big5":
				label = kind
			}
			enc, _ := charset.Lookup(label)
			back, err := enc.NewDecoder().Bytes(data)
			if err != nil {
				t.Fatal(err)
			}
			got := string(back)
			for _, r := range "測試测试😀" {
				if !strings.ContainsRune(got, r) && !strings.Contains(got, "&#") {
					t.Errorf("%s: %q is gone: %s", s.way.Kind, r, got)
				}
			}
			if strings.Contains(got, `charset="utf-8"`) || (s.way.Meta != "") != strings.Contains(got, "charset="+s.way.Meta) {
				t.Errorf("%s: its own word about the charset: %s", s.way.Kind, got)
			}
		}
	}
}
