package origin

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"strings"
)

// The three splits, by the names of their folders.
const (
	Train = "train"
	Valid = "valid"
	Test  = "test"
)

// Splits lists them in the order in which they are written.
var Splits = []string{Train, Valid, Test}

// hash is the number that every split and every choice here derives from.
func hash(parts ...string) uint64 {
	sum := sha256.Sum256([]byte(strings.Join(parts, "|")))
	return binary.BigEndian.Uint64(sum[:8])
}

// random returns a generator that depends on the parts alone.
func random(parts ...string) *rand.Rand {
	h := hash(parts...)
	return rand.New(rand.NewPCG(h, h^0x9e3779b97f4a7c15))
}

// share puts one of every n keys into valid, one into test, and the others into train.
func share(n uint64, parts ...string) string {
	switch hash(parts...) % n {
	case 0:
		return Valid
	case 1:
		return Test
	}
	return Train
}
