package page

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// How much better, on average per character, another charset must read than the declared one, and what a charset must reach where nothing
// is declared. Running Chinese text reaches 2 to 3; Chinese read by a wrong charset stays below 1.
const (
	switchMargin = 0.75
	leastWeight  = 0.5
	latinMargin  = 1.5 // where a charset of Latin letters is declared, which reads any byte
)

// weigh returns the charset that reads s best, with an advantage for the declared one ("" none). s holds little ASCII.
func weigh(s []byte, declared string) string {
	best, bestWeight := "", -1e9
	for _, name := range [...]string{utf8Name, gbName, big5Name} { // the first wins a tie
		if name == declared {
			continue
		}
		if w := weight(s, name); w > bestWeight {
			best, bestWeight = name, w
		}
	}
	switch declared {
	case "":
		if bestWeight < leastWeight {
			return latinName
		}
		return best
	}
	if singleByte(declared) {
		if bestWeight >= latinMargin {
			return best
		}
		return declared
	}
	if bestWeight > weight(s, declared)+switchMargin {
		return best
	}
	return declared
}

// singleByte reports whether a charset is one of Latin letters, a byte each, which reads anything.
func singleByte(name string) bool {
	switch name {
	case latinName, "iso-8859-15", "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-10", "iso-8859-13", "iso-8859-14", "windows-1250", "windows-1254",
		"windows-1257", "windows-1258", "macintosh":
		return true
	}
	return false
}

// weight returns the mean worth of the characters beyond ASCII that the charset makes of s.
func weight(s []byte, name string) float64 {
	text, _ := read(s, name)
	worth := worths()
	total, n := 0, 0
	for _, r := range text {
		if r < utf8.RuneSelf {
			continue
		}
		n++
		if r > 0xffff {
			total--
			continue
		}
		total += int(worth[r])
	}
	if n == 0 {
		return 0
	}
	return float64(total) / float64(n)
}

// worths says how much a character speaks for a reading: 3 the most frequent Chinese characters and punctuation, 2 the first level of GB2312
// and Big5, 1 letters of other scripts, 0 other signs, and less what running text does not have.
var worths = sync.OnceValue(func() *[0x10000]int8 {
	w := new([0x10000]int8)
	for r := rune(0); r < 0x10000; r++ {
		switch {
		case r < 0xa0:
			w[r] = -4
		case r >= 0xe000 && r < 0xf900: // private use
			w[r] = -3
		case r == utf8.RuneError:
			w[r] = -8
		case r >= 0x3400 && r < 0x4e00:
			w[r] = -2
		case unicode.Is(unicode.Han, r):
			w[r] = -1
		case r >= 0x3000 && r < 0x3100 || r >= 0xac00 && r < 0xd7a4 || r >= 0xff01 && r < 0xff5f: // punctuation, kana, hangul
			w[r] = 2
		case unicode.IsLetter(r):
			w[r] = 1
		}
	}
	first := func(name string, from, to, trail, last int) {
		for lead := from; lead <= to; lead++ {
			for t := trail; t <= last; t++ {
				text, bad := read([]byte{byte(lead), byte(t)}, name)
				if r, n := utf8.DecodeRuneInString(text); bad == 0 && n == len(text) && r < 0x10000 && unicode.Is(unicode.Han, r) {
					w[r] = 2
				}
			}
		}
	}
	first(gbName, 0xb0, 0xd7, 0xa1, 0xfe)
	first(big5Name, 0xa4, 0xc6, 0x40, 0x7e)
	first(big5Name, 0xa4, 0xc6, 0xa1, 0xfe)
	for _, r := range frequent {
		w[r] = 3
	}
	return w
})

// frequent are the characters that make up more than half of running Chinese text, simplified and traditional, with its punctuation.
const frequent = "，。、；：？！“”‘’（）《》…—「」『』·" +
	"的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实" +
	"日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员" +
	"解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象" +
	"完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运" +
	"這個們來為國說時會對過發後裡種經麼學現當沒動還進樣開從實軍無與長機關點業將兩間問應戰頭體見產話給門兒東聲員論處義幾認條氣題爾別變總電數報結務場計資許統區隊決馬書則聽達強難權設記類據邊張該規萬覺術領傳師" +
	"觀讓識帶導爭運於著"
