package near

import (
	"fmt"
	"iter"
)

// Document is what [Find] compares of a document.
type Document struct {
	Text     string
	Pictures []uint64 // hashes
}

// Found is what [Find] found: by kind the documents that are dropped, numbered by their place, and what was done.
type Found struct {
	Drops  [kinds][]Drop
	Counts [kinds]Counts
}

// Find finds the duplicates among documents, in memory: all keys are kept, packed. Every kind
// looks at all documents, whether another kind drops them or not.
func Find(docs iter.Seq[Document], o Options) (*Found, error) {
	f, err := New(o)
	if err != nil {
		return nil, err
	}
	var k Keys
	doc := uint64(0)
	for d := range docs {
		if err := f.Add(&k, doc, d.Text); err != nil {
			return nil, err
		}
		for _, hash := range d.Pictures {
			if err := f.AddPicture(&k, doc, hash); err != nil {
				return nil, err
			}
		}
		doc++
	}
	found := new(Found)
	for _, kind := range Kinds() {
		var lists [][]byte
		for bucket := range Buckets {
			drop, counts, err := f.Duplicates(kind, [][]byte{k.Bucket(kind, bucket)})
			if err != nil {
				return nil, fmt.Errorf("bucket %d: %w", bucket, err)
			}
			lists = append(lists, drop)
			found.Counts[kind].Add(counts)
		}
		if found.Drops[kind], err = Drops(lists...); err != nil {
			return nil, err
		}
	}
	return found, nil
}
