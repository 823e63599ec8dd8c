// Package record keeps data sets as folders of Parquet shards, in the layout that Hugging Face `datasets` shows as pictures.
//
//	DIR/manifest.json          counts, bytes, checksums, how it was made
//	DIR/train/00000.parquet    zstd; one row is one datasets.Example
//	DIR/valid/...  DIR/test/...
//
// A [Writer] makes one split and commits it whole or not at all. A [Set] reads any row by its number, from many goroutines, within a
// fixed amount of memory. [Permutation] and [Order] turn a position in training into a row, so that the data's place in a checkpoint is one
// number. [Check] audits a data set, [Stats] counts it, and [Folder] makes one from the user's own pictures and texts.
//
// # Columns
//
// `id`, `source`, `text`, `meta` are strings (`meta` is a JSON object), `image` is struct{bytes binary, path string} or null, `references` a list
// of strings, `question` and `answer` strings or null. Shards written by other programs are read too: columns that are not known are
// ignored, missing optional ones are named in [Set.Notes], and a shard without `id` or `text` is an error.
//
// # Caveats
//
// Writers of different splits of one data set may run side by side, two writers of one split may not (the second gets an error).
// Rows of a shard are found through its pages: about 16 KB are read and decoded for one text, so many small reads in random order
// cost more than one pass in order; decoded pages are cached up to a bound.
package record
