package main

import (
	"bytes"
	"math/rand/v2"
	"strings"

	"m6lab/datasets/sample"
)

// material is what documents are made of.
type material struct {
	sentences []string // prose of help texts and answers
	verses    []string
	titles    []string
}

// sentence chooses one, in every fourth case a verse.
func (m *material) sentence(r uint64) string {
	if r&3 == 0 {
		return m.verses[r>>2%uint64(len(m.verses))]
	}
	return m.sentences[r>>2%uint64(len(m.sentences))]
}

// gather takes the sentences of the sample's training texts, in their order.
func gather() (*material, error) {
	m := &material{}
	seen := map[string]bool{}
	for ex, err := range sample.Examples("train") {
		if err != nil {
			return nil, err
		}
		if ex.Source == "scenes" || ex.Source == "emoji" {
			continue
		}
		for s := range strings.SplitAfterSeq(ex.Text, "。") {
			if n := len(s); n >= 24 && n <= 400 && !seen[s] {
				seen[s] = true
				if ex.Source == "poems" {
					m.verses = append(m.verses, s)
				} else {
					m.sentences = append(m.sentences, s)
				}
			} else if n >= 12 && n < 24 {
				m.titles = append(m.titles, strings.Trim(s, "。，"))
			}
		}
	}
	return m, nil
}

// words are the advertisement's, as a list for the rule: neutral ones.
var words = []string{"点击领取优惠券", "加群送礼包", "免费抽奖活动", "限时秒杀专场", "扫码关注公众号", "代办会员充值", "兼职日结高薪", "刷单返现"}

var (
	marks = []string{"！！！！！", "。。。。", "？？？", "，，", "……………", "!!!!!!", "~~~~~~", "------", "=====", "★★★☆", "◆◇◆", "▼▼", "♪♫", "😀😀"}
	tags  = []string{"<br/>", "</p><p>", "&nbsp;&nbsp;", "<b>", "</b>", "<span class=\"c1\">", "</span>", "<a href=\"/a/b.html\">", "</a>", "<!-- ad -->", "&gt;&gt;", "&#12290;"}
)

// writer makes documents; each depends on seed and number alone.
type writer struct {
	*material
	made   *made
	seed   uint64
	sure   uint64 // so many documents every full file has
	source *rand.PCG
	rng    *rand.Rand
}

func newWriter(m *material, o options, total *made) *writer {
	pcg := rand.NewPCG(o.seed, 0)
	return &writer{m, total, o.seed, uint64(o.part) * 20, pcg, rand.New(pcg)}
}

// kind of a document.
const (
	fresh = iota
	repeat
	nearly
)

// number tells whether document i is new, or of which earlier document it is a copy: one of its own file, or of an earlier file.
func (w *writer) number(i uint64) (of uint64, kind int) {
	if kind = w.kind(i); kind == fresh {
		return i, fresh
	}
	for range 8 { // until one is found that is new itself
		file := i / numbers
		if file > 0 && w.rng.Uint64N(2) == 0 {
			of = w.rng.Uint64N(file)*numbers + w.rng.Uint64N(w.sure)
		} else {
			of = file*numbers + w.rng.Uint64N(i%numbers)
		}
		again := w.rng.Uint64()
		if w.kind(of) == fresh {
			return of, kind
		}
		w.source.Seed(w.seed, again)
	}
	return i, fresh
}

// kind draws what document i is; the first hundred of a file are new.
func (w *writer) kind(i uint64) int {
	w.source.Seed(w.seed^0x9e3779b97f4a7c15, i)
	switch at := w.rng.Uint64N(100); {
	case at >= 10 || i%numbers < 100:
		return fresh
	case at < 5:
		return repeat
	}
	return nearly
}

// document appends the text of document i.
func (w *writer) document(b []byte, i uint64, markup bool) []byte {
	of, kind := w.number(i)
	start := len(b)
	w.source.Seed(w.seed, of)
	b = w.text(b, markup)
	if kind == nearly {
		w.source.Seed(w.seed, i)
		b = w.edit(b, start)
	}
	return b
}

// text appends 0.5 to 4 KB, in a hundredth of all documents a few characters alone.
func (w *writer) text(b []byte, markup bool) []byte {
	size := 512 + int(w.rng.Uint64N(3584))
	if w.rng.Uint64N(100) == 0 {
		size = 6
	}
	for end := len(b) + size; len(b) < end; {
		r := w.rng.Uint64()
		s := w.sentence(r & (1<<32 - 1))
		r >>= 32
		if size == 6 {
			return append(b, w.titles[r%uint64(len(w.titles))]...)
		}
		switch at := r % 64; {
		case at < 8: // a new order of the parts of the sentence
			comma := strings.Index(s, "，")
			if comma > 0 {
				b = append(append(append(b, strings.TrimSuffix(s[comma+3:], "。")...), "，"...), s[:comma]...)
				b = append(b, "。"...)
				continue
			}
			b = append(b, s...)
		case at < 12:
			b = append(append(b, s...), marks[r>>8%uint64(len(marks))]...)
		case at < 20 && markup:
			b = append(append(b, tags[r>>8%uint64(len(tags))]...), s...)
		case at == 20:
			b = append(append(append(b, s...), "联系电话1"...), byte('3'+r>>8%7))
			for k := range 9 {
				b = append(b, byte('0'+r>>(12+2*k)%10))
			}
			b = append(b, "。"...)
		case at == 21:
			b = append(append(append(b, "现在"...), words[r>>8%uint64(len(words))]...), "，机会难得。"...)
			b = append(b, s...)
		case at < 26:
			b = append(append(b, s...), '\n')
		default:
			b = append(b, s...)
		}
	}
	return b
}

// edit changes a little of a text: a sentence more in the middle, another at the end.
func (w *writer) edit(b []byte, start int) []byte {
	if len(b)-start < 100 {
		return b
	}
	middle := start + (len(b)-start)/2
	if at := bytes.Index(b[middle:], []byte("。")); at >= 0 {
		tail := string(b[middle+at+3:])
		b = append(append(b[:middle+at+3], w.sentence(w.rng.Uint64())...), tail...)
	}
	return append(b, w.sentence(w.rng.Uint64())...)
}

// quoted appends s as a JSON string.
func quoted(b, s []byte) []byte {
	b = append(b, '"')
	from := 0
	for i, c := range s {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '\n':
			b = append(b, '\\', 'n')
		case '"', '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, "\\u00"...)
			b = append(b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
