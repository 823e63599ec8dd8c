//go:build !mpi

package hosts

import "errors"

// KnowsMPI tells whether this program was built with -tags mpi.
const KnowsMPI = false

// join is what a program without MPI does among several tasks: nothing good could come of going on.
func join() (Group, error) {
	return nil, errors.New("but this program knows no MPI: build it with `go build -tags mpi -o bin/m6 ./scripts/m6`")
}
