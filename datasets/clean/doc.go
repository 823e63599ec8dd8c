// Package clean decides which text is worth keeping: the text rules of the paper's section 2, and the language model that one of them asks.
//
// # Rules
//
// A [Cleaner] applies the rules of a recipe ([Options]) to one [Text] after the other. They run in this order, each with a switch, a version, a
// count and a doc of what the paper says and what it leaves open ([Cleaner.Rules]); those with a star are not the paper's:
//
//	utf8         bytes that are no UTF-8 are removed; always on
//	markup       remains of HTML are removed
//	language   * documents in other languages than Chinese and English are dropped
//	simplify   * traditional characters become simplified ones
//	punctuation  duplicate punctuation becomes one mark
//	characters   Chinese and English characters and punctuation stay
//	personal   * phone numbers, addresses, identity numbers and bank cards are masked
//	length       topics of fewer than 5 characters and contents of fewer than 15 are dropped
//	words        sentences with words of spam, political, pornographic or dirty lists are removed
//	perplexity   sentences that a language model finds surprising are removed
//	again      * all of them once more, until nothing changes
//
// [Paper] is the paper's recipe, [Default] the paper's with the additions:
//
//	c, err := clean.New(clean.Paper(), load)
//	text := clean.Text{Source: "forum", Title: title, Body: body, Counts: &counts}
//	if reason := c.Clean(&text, nil); reason == "" {
//		keep(text.Title, text.Body)
//	}
//
// What comes out obeys every rule, so that cleaning it once more changes nothing. Nothing is lost unseen: [Counts] has for every rule how many
// documents came in, went out and were dropped by which reason, which [Counts.Check] adds up, and how many sentences were removed and pieces found;
// a [Watch] is told of every change, sentence by sentence. [Sentences] cuts a text into its sentences without loss.
//
// # Language models
//
// [LM] is a packed n-gram model over characters, trained by [TrainLM], kept in a file ([OpenLM]) and read from ARPA files of other programs
// ([ReadARPA]). It is a [Perplexity] with [Quantiles], as the rule of that name wants it.
//
// [KN] is the model by the book: n-grams of any symbols with interpolated modified Kneser-Ney smoothing. On held-out text its perplexity is the
// baseline that a Transformer must beat; [KN.BestFill] is the baseline of masked text.
//
// # Caveats
//
// Language, personal data and markup are told by rules of thumb, which their docs state; none is a promise that nothing of the kind remains.
// The lists of words that come with the tests are neutral; no list is part of the program. A loader of models given to [New] must be given the same file on
// every machine, or results differ.
//
// KN keeps its counts in memory: about 28 bytes a symbol while training, and 8 to 28 bytes a distinct n-gram afterwards.
package clean
