// Package near finds what a corpus holds more than once, and what of an evaluation set it holds: additions to the paper, whose rules
// (section 2) have neither.
//
//	f, err := near.New(near.Default())
//	var k near.Keys
//	f.Add(&k, near.Number(file, record), text)            // in the worker that reads the file
//	f.AddPicture(&k, near.Number(file, record), hash)
//	drop, counts, err := f.Duplicates(near.Texts, packed) // in the one that has a bucket of all files: k.Bucket(near.Texts, bucket)
//	for file, drops := range near.ByFile(drop) { ... }    // back to the files
//
// Everything that travels is packed bytes: keys of 16 bytes (exact, pictures) or 24 (near), dropped documents of 12. A key belongs to
// one of [Buckets] buckets, and what is found in a bucket depends on the set of its keys alone, not on their order or on how they
// were cut. [Find] does all that in memory.
//
// # Which document stays
//
// Of two duplicates the one with the smaller document number stays. A document is dropped if a document of a smaller number is its
// duplicate, whether that one is itself dropped or not: of a chain a, b, c, where a and c are no duplicates, a alone stays. So what
// stays holds no two documents that were found to be duplicates, and every dropped document names one that it duplicates
// ([Drop].Kept), which may have been dropped for a third. Number documents in the order in which you would keep them, and only those that
// the rules before have kept.
//
// # Texts
//
// Texts are compared as [Normal] writes them: NFKC, lower case, letters, marks and digits alone. [Exact] is a 128-bit hash of that, of
// which 80 bits travel (of a billion different texts, two share them with probability 4e-7).
//
// Near duplicates are those whose sets of character 5-grams have a high Jaccard similarity J. Each text has a signature of b*r+80
// values, and two texts agree in each with probability J (fast similarity sketching: Dahlgaard, Knudsen and Thorup, 2017). b bands
// of r values each are hashed; texts that share a band, of probability 1-(1-J^r)^b, are compared by the 80 other values, of which
// one bit each travels (b-bit minwise hashing: Li and König, 2010): they agree in each with probability (1+J)/2, so that J is
// estimated with a standard error of at most 0.11. [TextOptions.Probability] is the product of both: at the defaults 0.01 for J = 0.5,
// and more than 0.95 for J = 0.9.
//
// # Pictures
//
// [PictureHash] is a 64-bit perceptual hash by the cosine transform of 32x32 grey areas, [DifferenceHash] by the differences
// between 9x8. Pictures whose hashes differ in at most k bits are duplicates, and all such pairs are found: 64 bits are cut into k+s
// blocks, and every choice of s of them is a key, as k differing bits leave s blocks alike (Manku, Jain and Das Sarma, 2007). Pictures
// without structure have hash 0 and are never duplicates.
//
// # Decontamination
//
// [Index] holds the character n-grams of evaluation sets and the hashes of their pictures.
package near
