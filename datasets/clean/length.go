package clean

import "slices"

const lengthDoc = `A document whose topic has fewer than 5 characters, or whose content has fewer than 15, is dropped; white space does not count. ` +
	`Paper: drop topics shorter than 5 characters and contents shorter than 15. Open: what a topic is (here the title of a text from community QA, a forum or an unnamed source; ` +
	`a headword such as 北京 is none, and a text without a title has none), what counts as a character, and that the limits hold for what the later rules leave (the rule again).`

func lengthRule(o LengthOptions) rule {
	r := rule{Rule: Rule{Name: "length", Version: 1, Level: levelDocument, On: o.On, Doc: lengthDoc}, holds: true}
	if !o.On {
		return r
	}
	topics := slices.Clone(o.Topics)
	r.run = func(j *job) string {
		n := j.size()
		j.observe("characters_in", decades, float64(n))
		if n < o.Content {
			j.tell(" of %d characters", n)
			return "length: content"
		}
		if j.t.Title != "" && slices.Contains(topics, j.t.Source) {
			if n = letters(j.t.Title); n < o.Topic {
				j.tell(" of %d characters", n)
				return "length: topic"
			}
		}
		return ""
	}
	return r
}

const againDoc = `The rules run again, those that have not seen what the others left, until nothing changes: what comes out obeys every rule, and cleaning it once more changes nothing. ` +
	`A document that a rule drops only then (too short after sentences were removed), that has no text left, or that still changes after all rounds, is counted here. ` +
	`Paper: the order of the rules. Open: this. Off, the rules run once in their order.`

// The reasons of the last rule; others are those of the rules that drop in a later round.
const (
	reasonUnstable = "again: unstable"
	reasonEmpty    = "again: empty"
)

func againRule(o AgainOptions) rule {
	return rule{Rule: Rule{Name: "again", Version: 1, Level: levelDocument, On: o.On, Doc: againDoc}}
}
