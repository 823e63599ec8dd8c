// Package source reads raw crawls as [Document] values, one at a time, in bounded memory, before any rule has looked at them.
//
//	specs := []Spec{...}                   // ParseSpec("encyclopedia=zhwiki.xml.bz2"), ParseSpec("crawl/*.warc.gz")
//	parts, err := Plan(ctx, specs, 32<<20) // pieces of about 32 MB, in a fixed order, plain data
//	for doc, err := range Read(ctx, part, Options{}) { ... }
//
// # Formats
//
//   - warc: WARC, plain, as one gzip stream or with a gzip member a record, and .zst; pages of response and resource records with the HTTP
//     transfer and content encodings undone; wet: conversion records, read by the same code.
//   - html: folders and files of HTML. pictures: picture files with a caption in .txt or .json of the same stem.
//   - wiki: XML dumps of MediaWiki (.xml, .xml.bz2 in one or many streams, .xml.gz), the wikitext as plain text.
//   - jsonl (.gz, .zst); parquet: our records, and tables of others that have a column of text; table: .csv and .tsv of titles and pictures.
//   - text: documents divided by empty lines (CLUE); lines: a document a line; thuctc: label/NNN.txt with the title in the first line.
//   - webdataset: tar files in which entries of one stem are a sample.
//
// A folder without a format is all of these, each file by its name. Every format has a row of the paper's Table 1 that it counts for
// ([DefaultSource]), and a spec may name another.
//
// # Accounts
//
// Every record of the input becomes a Document or a [Fault]: a record that is damaged, or one that is no document (a request record, a redirect;
// [Fault.Skip] tells them from damage). So records in are documents out plus faults by reason.
// What cannot be told apart (the rest of a stream behind damage, what lies between damage and the next record that is found) is one Fault.
//
// # Pictures of a crawl
//
// Pages and their pictures lie in different files of a crawl. [CrawlKeys] notes where the pictures of some parts lie, [CrawlJoin] sorts the notes of
// all parts, and [OpenCrawl] finds a picture by its URL, also behind a revisit record.
//
// # Cutting
//
// A part of a file is a range of bytes (of row groups in Parquet): it has the records that begin in it. Whoever reads it looks for the first
// record behind its start, so that a plan needs no look into the files but at their sizes and first bytes.
//
// # Security
//
// Input is not trusted: nothing is allocated by a size that the input claims, decompression ends at [Options.MaxDocument] and where a
// stream swells more than two hundredfold, and a name in an archive or table never leaves its folder.
//
// # Caveats
//
// The checksum of a compressed stream stands at its end: what was read of it before has been handed on when it turns out to be wrong. (A WARC
// record that is a gzip member of its own is checked first.)
//
// In a WARC or tar file that is cut, a file of the same format inside a record (a WARC in a WARC) that is longer than 1 MiB and lies over
// the cut can be taken for the outer one. The names of one folder (not of those below it) are held in memory.
package source
