// Package hoststest makes groups of ranks inside one process, to test what many processes would do.
package hoststest

import (
	"math"
	"sync"

	"m6lab/m6/hosts"
)

// Local is a group of n ranks in this process, each for a goroutine of its own. A rank that does not come to a collective call keeps the
// others waiting, as with real processes.
func Local(n int) []hosts.Group {
	room := &room{n: n}
	room.full = sync.NewCond(&room.mu)
	out := make([]hosts.Group, n)
	for i := range out {
		out[i] = &local{room: room, rank: i}
	}
	return out
}

// room is where ranks meet: the last one to come does the work for all.
type room struct {
	mu    sync.Mutex
	full  *sync.Cond
	n     int
	here  []any
	count int
	turn  int
}

// meet waits for all ranks; work is given what each has brought, by rank.
func (r *room) meet(rank int, brought any, work func(all []any)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == 0 {
		r.here = make([]any, r.n)
	}
	r.here[rank] = brought
	r.count++
	if r.count == r.n {
		work(r.here)
		r.count, r.turn = 0, r.turn+1
		r.full.Broadcast()
		return
	}
	for turn := r.turn; turn == r.turn; {
		r.full.Wait()
	}
}

type local struct {
	room *room
	rank int
}

func (l *local) Rank() int { return l.rank }
func (l *local) Size() int { return l.room.n }

// AllReduce adds in the order of ranks; on a bf16 wire it keeps the upper half of each number's bits, rounded.
func (l *local) AllReduce(x []float32, wire hosts.Wire) error {
	l.room.meet(l.rank, x, func(all []any) {
		sum := make([]float32, len(x))
		for _, each := range all {
			from, ok := each.([]float32)
			if !ok || len(from) != len(sum) {
				panic("hoststest: the ranks are in different collective calls")
			}
			for i, v := range from {
				sum[i] = onWire(sum[i]+onWire(v, wire), wire)
			}
		}
		for _, each := range all {
			copy(each.([]float32), sum)
		}
	})
	return nil
}

func (l *local) Broadcast(data []byte, root int) (out []byte, _ error) {
	box := &data
	l.room.meet(l.rank, box, func(all []any) {
		from := *all[root].(*[]byte)
		for _, each := range all {
			*each.(*[]byte) = append([]byte(nil), from...)
		}
	})
	return *box, nil
}

func (l *local) Barrier() error {
	l.room.meet(l.rank, nil, func([]any) {})
	return nil
}

// Abort panics: in one process there is nobody else to end.
func (l *local) Abort(int) { panic("hoststest: aborted") }

func (l *local) Close() error { return nil }

// onWire is x as it travels.
func onWire(x float32, wire hosts.Wire) float32 {
	if wire == hosts.F32 {
		return x
	}
	bits := math.Float32bits(x)
	bits += 0x7fff + bits>>16&1
	return math.Float32frombits(bits &^ 0xffff)
}
