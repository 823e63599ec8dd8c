package text

// Accents says whether combining marks are stripped.
type Accents int

// The settings of Options.Accents. Stripping decomposes the text (NFD) and removes nonspacing marks: é becomes e, and a
// Hangul syllable becomes its letters.
const (
	AccentsFollow Accents = iota // strip where Lower is set, as Hugging Face's strip_accents=None
	AccentsStrip
	AccentsKeep
)

// Options say how text becomes tokens. The zero value is the cased tokenizer, equal to Hugging Face's.
type Options struct {
	Lower   bool    // lower-case the text
	Accents Accents // strip accents or not

	// KeepPunctuation maps the quotes and dashes that the vocabulary lacks into [unusedN], by the table of the package
	// comment. Set, ids of such characters differ from Hugging Face's, where they are [UNK].
	KeepPunctuation bool

	// Special lets a text name [PAD], [UNK], [CLS], [SEP] and [MASK], as Hugging Face's special tokens do. Never set it
	// for text from strangers.
	Special bool

	// Unknown is what Decode writes for [UNK]; nothing where it is empty.
	Unknown string

	MinCount int  // Train only: characters and pairs seen less often get no token; 0 means 1 for characters, 2 for pairs
	Fill     bool // Train only: [unusedN] make up the size where the text gives too few tokens
}

func (o Options) strips() bool {
	return o.Accents == AccentsStrip || o.Accents == AccentsFollow && o.Lower
}

// keptPunctuation are the characters of Options.KeepPunctuation: the i-th has the token [unused i+1].
var keptPunctuation = []rune("“”‘’—…–―")
