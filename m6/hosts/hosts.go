// Package hosts is what training needs of the other processes of a run. A client of XLA spans the devices of one host; across hosts a run
// is data parallel: every process, a rank, holds all weights, computes the gradients of its own rows of each batch, and the ranks sum
// them up. [Group] is the whole of what that takes, so that a client of XLA that spans hosts can stand in its place.
//
// # Faults
//
// A collective call waits for every rank. So a rank that fails must not simply return: it says so at the next [Agree], where the others
// are or will be, and every rank ends with the same line. A rank that is killed cannot say anything; its launcher then ends the others
// (srun --kill-on-bad-exit, mpirun by itself).
package hosts

import (
	"errors"
	"fmt"
)

// Wire says in which type numbers travel between ranks.
type Wire int

// The types on the wire. BF16 halves the bytes; each sum is rounded to the nearest bfloat16, ties to even.
const (
	F32 Wire = iota
	BF16
)

// Group is the processes that train one run together. Its methods but Rank, Size and Abort are collective: every rank calls them, in the
// same order, from one goroutine at a time.
type Group interface {
	Rank() int // of this process, from 0
	Size() int // number of processes
	// AllReduce sums x, which has the same length on every rank, in place. Every rank gets the same bits.
	AllReduce(x []float32, wire Wire) error
	// Broadcast returns on every rank the bytes that rank root gave; what the others give is not read.
	Broadcast(data []byte, root int) ([]byte, error)
	// Barrier returns when every rank has called it.
	Barrier() error
	// Abort ends every process of the group at once, this one with the exit code.
	Abort(code int)
	// Close leaves the group.
	Close() error
}

// Alone is the group of a single process: nothing is sent.
func Alone() Group { return alone{} }

type alone struct{}

func (alone) Rank() int                                    { return 0 }
func (alone) Size() int                                    { return 1 }
func (alone) AllReduce([]float32, Wire) error              { return nil }
func (alone) Broadcast(data []byte, _ int) ([]byte, error) { return data, nil }
func (alone) Barrier() error                               { return nil }
func (alone) Close() error                                 { return nil }
func (alone) Abort(int)                                    {} // its caller returns an error of its own

// AgreedError is an error that every rank has been told: nobody needs to hear it again.
type AgreedError struct {
	Text  string
	cause error // nil on the ranks that were told
}

func (e *AgreedError) Error() string { return e.Text }

// Unwrap is the error itself, on the rank where it happened.
func (e *AgreedError) Unwrap() error { return e.cause }

// Agree tells every rank of an error on any: all return the same line, that of the first rank that failed. Without an error anywhere it
// returns nil everywhere. An error that was agreed on already is returned at once.
func Agree(g Group, err error) error {
	_, err = AgreeToStop(g, err, false)
	return err
}

// AgreeToStop is [Agree], and tells whether any rank wants to stop. All agreements are one kind of call, so that a rank that fails between
// two of them may go to the next one wherever the others are.
func AgreeToStop(g Group, err error, wish bool) (stop bool, _ error) {
	var agreed *AgreedError
	switch {
	case g.Size() == 1:
		return wish, err
	case errors.As(err, &agreed):
		return wish, agreed // without what a rank may have put around it
	}
	flags := make([]float32, g.Size()+1) // who failed, and how many want to stop
	if err != nil {
		flags[g.Rank()] = 1
	}
	if wish {
		flags[g.Size()] = 1
	}
	if failed := g.AllReduce(flags, F32); failed != nil {
		return false, errors.Join(err, failed)
	}
	for rank, flag := range flags[:g.Size()] {
		if flag == 0 {
			continue
		}
		var text []byte
		if rank == g.Rank() {
			text = []byte(err.Error())
		}
		text, failed := g.Broadcast(text, rank)
		if failed != nil {
			return false, errors.Join(err, failed)
		}
		told := &AgreedError{Text: fmt.Sprintf("rank %d of %d: %s", rank, g.Size(), text)}
		if rank == g.Rank() {
			told.cause = err
		}
		return false, told
	}
	return flags[g.Size()] > 0, nil
}

// Same compares what each rank has with what rank 0 has. differ says in one line how this rank's differs from the first's; every rank
// returns the line of the first rank that differs.
func Same(g Group, mine []byte, differ func(first []byte) error) error {
	if g.Size() == 1 {
		return nil
	}
	first, err := g.Broadcast(mine, 0)
	if err != nil {
		return err
	}
	if string(first) != string(mine) {
		err = differ(first)
	}
	return Agree(g, err)
}
