// Package near finds what a corpus holds more than once, and what of an evaluation set it holds: additions to the paper, whose rules
// (section 2) have neither.
//
//	f, err := near.New(near.Default())
//	var k near.Keys
//	doc, err := near.Number(file, record)                     // in the worker that reads the file
//	err = f.Add(&k, doc, text)
//	err = f.AddPicture(&k, doc, hash)
//	drop, counts, err := f.Duplicates(near.NearTexts, packed) // where a bucket of all files is: k.Bucket(near.NearTexts, bucket)
//	for file, drops := range near.ByFile(drop) { ... }        // back to the files, which join them by near.Drops
//
// Everything that travels is packed bytes: keys of 16 bytes (exact), 24 (near) or 15 (pictures), dropped documents of 12. A key belongs to
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
// estimated with a standard error of at most 0.11. [TextOptions.Probability] is the product of both: at the defaults 0.001 for J = 0.5,
// 0.33 for 0.7, 0.87 for 0.8 and 0.999 for 0.9.
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
// [Index] holds the character n-grams (13 letters) of evaluation sets and the hashes of their pictures, and says of a text or a picture which
// set and which passage it is of. Passages shorter than an n-gram are found where they stand alone, as a whole text or a line. Hashes of
// n-grams have 64 bits: of 1e11 characters looked up among 1e7 n-grams, about 0.05 are taken for what they are not.
//
// # Caveats
//
// A document is compared with at most 256 others that share a band, and at most 1024 that share a picture's key: those of the smallest
// numbers. How often that cut something off is counted ([Counts].Skipped). Drawings on white have few frequencies: of emoji of 64 pixels
// about one in seven is more than 4 bits from itself after compression by JPEG at quality 75.
package near
