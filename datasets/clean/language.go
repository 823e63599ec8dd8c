package clean

import "strings"

const languageDoc = `Texts in other languages are dropped, by the shares of scripts: Japanese and Korean by kana and hangul, Chinese by Han characters, English by Latin letters with English function words and few accents. ` +
	`max_traditional bounds the share of traditional among the Chinese characters that have two forms. A text without letters is not judged. ` +
	`Paper: nothing; it speaks of a Chinese corpus.`

// languageCodes are what a text can be.
var languageCodes = [...]string{"zh", "en", "ja", "ko", "other"}

// Script counts the letters of a text by script.
type Script struct {
	Han, Kana, Hangul, Latin, Accented, Other int
	Traditional, Simplified                   int // of the Chinese characters that have another form
}

// HanShare is the share of Chinese among all characters, where four letters of an alphabet count as one character.
func (s Script) HanShare() float64 {
	all := 4*(s.Han+s.Kana+s.Hangul) + s.Latin + s.Accented + s.Other
	if all == 0 {
		return 0
	}
	return float64(4*s.Han) / float64(all)
}

// TraditionalShare is the share of traditional among the Chinese characters that have another form; 0 where there are none.
func (s Script) TraditionalShare() float64 {
	if s.Traditional == 0 {
		return 0
	}
	return float64(s.Traditional) / float64(s.Traditional+s.Simplified)
}

// The thresholds of Language, in percent.
const (
	kanaPercent     = 20 // of kana among kana and Han: Japanese from here on. Japanese prose has about 50, Chinese text that quotes some below 10
	hangulPercent   = 10 // of hangul among hangul, kana and Han
	hanPercent      = 25 // of Han, as HanShare has it, against Latin and other letters: Chinese from here on
	otherPercent    = 25 // of letters of other scripts among all of alphabets
	accentedPercent = 2  // of accented among Latin letters: no English from here on
	functionPercent = 8  // of function words among the words: English from here on. English prose has about 40, other languages below 5
	fewWords        = 12 // fewer are taken for English
)

func languageRule(o LanguageOptions) (rule, error) {
	level := o.Level
	if level == "" {
		level = levelDocument
	}
	r := rule{Rule: Rule{Name: "language", Version: 1, Level: level, On: o.On, Doc: languageDoc}, letters: true}
	if !o.On {
		return r, nil
	}
	t, err := traditional()
	if err != nil {
		return rule{}, err
	}
	l := language{t: t, maxTraditional: o.MaxTraditional}
	for _, code := range o.Keep {
		l.keep |= 1 << codeIndex(code)
	}
	if o.Level == levelSentence {
		r.run = func(j *job) string {
			j.dropSentences("language", func(s string) string { return l.judge(s, l.t.scripts(s)) })
			return ""
		}
		return r, nil
	}
	r.holds = true
	r.run = func(j *job) string {
		script := t.scripts(j.t.Body)
		j.observe("han_percent", percents, 100*script.HanShare())
		if why := l.judge(j.t.Body, script); why != "" {
			return "language: " + why
		}
		return ""
	}
	return r, nil
}

type language struct {
	t              *conversion
	keep           uint
	maxTraditional float64
}

func codeIndex(code string) int {
	for i, c := range languageCodes {
		if c == code {
			return i
		}
	}
	return -1
}

// judge returns why a text is not kept, "" where it is.
func (l *language) judge(s string, script Script) string {
	code := languageOf(s, script)
	switch {
	case code == "":
		return ""
	case l.keep>>codeIndex(code)&1 == 0:
		return code
	case code == "zh" && script.TraditionalShare() > l.maxTraditional:
		return "traditional"
	}
	return ""
}

// Language tells the language of a text, one of zh, en, ja, ko and other, "" where it has no letters, and the scripts that it was decided by.
func Language(s string) (code string, script Script, err error) {
	t, err := traditional()
	if err != nil {
		return "", Script{}, err
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	script = t.scripts(s)
	return languageOf(s, script), script, nil
}

func languageOf(s string, n Script) string {
	eastern := n.Han + n.Kana + n.Hangul
	western := n.Latin + n.Accented + n.Other
	switch {
	case eastern+western == 0:
		return ""
	case 100*4*eastern >= hanPercent*(4*eastern+western):
		switch {
		case 100*n.Hangul >= hangulPercent*eastern && n.Hangul > 0:
			return "ko"
		case 100*n.Kana >= kanaPercent*(n.Kana+n.Han) && n.Kana > 0:
			return "ja"
		}
		return "zh"
	case 100*n.Other >= otherPercent*western, 100*n.Accented >= accentedPercent*(n.Latin+n.Accented):
		return "other"
	}
	words, functions := functionWords(s)
	if words < fewWords || 100*functions >= functionPercent*words {
		return "en"
	}
	return "other"
}

// scripts counts the letters of s, which must be valid UTF-8.
func (t *conversion) scripts(s string) Script {
	var n Script
	table := classes()
	var shapes [4]int // by shape; no branch, as the shapes of characters cannot be foretold
	for i := 0; i < len(s); {
		b := s[i]
		switch {
		case b < 0x80:
			if isASCIILetter(b) {
				n.Latin++
			}
			i++
			continue
		case b >= 0xE5 && b <= 0xE9:
			n.Han++
			shapes[t.shape[three(s, i)]&3]++
			i += 3
			continue
		}
		r, size := decode(s, i)
		i += size
		var kind class
		if r < 1<<16 {
			kind = table[r]
			shapes[t.shape[r]&3]++
		} else {
			kind = classOf(r)
		}
		switch kind {
		case classHan:
			n.Han++
		case classKana:
			n.Kana++
		case classHangul:
			n.Hangul++
		case classAccented:
			n.Accented++
		case classLetter:
			if r >= 0xFF21 && r <= 0xFF5A {
				n.Latin++
			} else {
				n.Other++
			}
		}
	}
	n.Traditional, n.Simplified = shapes[isTraditional], shapes[isSimplified]
	return n
}

// english are the commonest function words of English that few other languages write.
var english = func() map[string]bool {
	t := map[string]bool{}
	for _, w := range strings.Fields(`the of and to is that it for was with as on be by this are from or have an they which you were had their been has
		not will would there what if can all her his who one about up out into them then than its only could other some when your how our these may
		also two after first any such like no more so we he she at but do my`) {
		t[w] = true
	}
	return t
}()

// functionWords counts the words of ASCII letters, up to 400, and the English function words among them.
func functionWords(s string) (words, functions int) {
	var lower [8]byte
	for i := 0; i < len(s) && words < 400; {
		if !isASCIILetter(s[i]) {
			i++
			continue
		}
		n := 0
		for i < len(s) && (isASCIILetter(s[i]) || s[i] >= 0x80) {
			if n < len(lower) {
				lower[n] = s[i] | 0x20
			}
			n++
			i++
		}
		words++
		if n <= len(lower) && english[string(lower[:n])] {
			functions++
		}
	}
	return words, functions
}
