// Package stages holds the stages of a corpus build as plain functions on files, so that whatever moves names (Beam on any runner, or
// [Job.Plain]) gives the same build.
//
//	Prepare   sources -> units of about 16 MiB, a folder of work, one build at a time
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
// # Caveats
//
// Workers on other machines need the output folder under the same path. Memory is that of one unit and one bucket for each worker, and 26 bytes
// for each record while the shards are joined.
package stages
