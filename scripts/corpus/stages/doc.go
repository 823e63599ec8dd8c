// Package stages holds the stages of a corpus build as plain functions on files, so that whatever moves names (Beam on any runner, or
// [Job.Plain]) gives the same build.
//
//	Prepare   sources -> units of about 16 MiB, a folder of work, one build at a time
//	Index     a unit -> where the pictures of its archives lie, by bucket; only where pages of archives become pairs
//	JoinIndex a bucket of these -> a part of the index of the crawl, which Clean reads
//	Clean     a unit -> kept records, packed keys by bucket, counts (first pass)
//	Decide    a bucket of keys -> for each unit the records that repeat an earlier one
//	Finish    a unit and its drops -> Parquet shards, counts (last pass)
//	Assemble  all units -> the data set with report.json and report.html
//
// Every stage writes aside and renames, under a name that holds the hash of what went in: inputs, recipe with the content of the files it
// names, and versions. A finished piece is found again and kept; anything else is made anew. So a build that was killed goes on, and another
// recipe reuses nothing. The same inputs and recipe give the same files, whatever the runner and the number of workers.
//
// # The account
//
// A candidate for a record is a text, or a picture of a page with the text around it. For every source and every build
//
//	in = out + dropped by named reasons + quarantined
//
// for candidates and for documents; [Job.Assemble] fails where this does not hold.
//
// # Pictures of archives
//
// A page finds its pictures in all WARC files of the inputs, wherever it lies itself. Of several captures of a URL the first counts, by input, name
// of the file and offset. A revisit record is the picture that it refers to by digest, record or URL. An archive more or less
// in the inputs is another build, of which no unit is taken over.
//
// # Caveats
//
// The index is a pass over all archives, which are read twice then. While it is made it holds 168 bytes for each picture of a unit, at most 22 MB, or of a
// bucket (of 1 GiB of input; above 256 GiB a 256th of it), twice that while it grows, and nothing but the names of files while it is read. On the disk it is 56
// bytes for each picture, 168 more until the build is done. A WARC file that is one gzip stream is unpacked up to each picture.
//
// Workers on other machines need the output folder under the same path. Memory is that of one unit and one bucket for each worker, and 26 bytes
// for each record while the shards are joined.
package stages
