package record

import "math/rand/v2"

func Permutation(n int, seed uint64, epoch int) func(int) int {
	p := rand.New(rand.NewPCG(seed, uint64(epoch))).Perm(n)
	return func(i int) int { return p[i] }
}
