// Corpus makes raw input of any size for the benchmark of the corpus builder, and measures commands:
//
//	go run ./scripts/bench/corpus make --out FOLDER --size 400 [--form jsonl|warc|pages] [--seed 1] [--part 32]
//	go run ./scripts/bench/corpus measure --bytes N COMMAND...
//	go run ./scripts/bench/corpus compare --ours bin/m6-corpus --datatrove PYTHON --datajuicer PYTHON
//
// The documents are the built-in sample's real sentences in new orders, 0.5 to 4 KB each, with what the web adds: markup, repeated marks, odd characters,
// telephone numbers, sentences of advertisement (words.txt names their words). Of a hundred documents five are repeats of others and five nearly so.
// As warc they are pages with navigation, scripts and a footer, every second with pictures of 256 pixels. The same seed and size give the same bytes.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	var err error
	switch os.Args[1] {
	case "make":
		err = makeInput(os.Args[2:])
	case "measure":
		err = measure(os.Args[2:])
	case "compare":
		err = compare(os.Args[2:])
	default:
		usage()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: corpus make|measure|compare [flags]")
	os.Exit(2)
}

// options are the flags of make.
type options struct {
	out, form  string
	size, part int64 // MB of documents in all, and in a file
	seed       uint64
}

func makeInput(args []string) error {
	var o options
	flags := flag.NewFlagSet("make", flag.ExitOnError)
	flags.StringVar(&o.out, "out", "", "`folder` that is made")
	flags.StringVar(&o.form, "form", "jsonl", "jsonl, warc, or pages: warc without the pictures that the pages name")
	flags.Int64Var(&o.size, "size", 100, "`MB` (of 10^6 bytes) of documents before packing, pictures included")
	flags.Int64Var(&o.part, "part", 32, "`MB` of a file")
	flags.Uint64Var(&o.seed, "seed", 1, "`seed` of the variation")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.out == "" || o.size < 1 || o.part < 1 {
		return fmt.Errorf("make wants --out FOLDER, --size and --part of at least 1 MB")
	}
	if o.form != "jsonl" && o.form != "warc" && o.form != "pages" {
		return fmt.Errorf("no form %q: want jsonl, warc or pages", o.form)
	}
	return write(o)
}
