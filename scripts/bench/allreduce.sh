#!/bin/sh
# The sum of 100 MB of gradients over two ranks, beside MPI alone in C, in turn. Needs OpenMPI (mpicc, mpirun).
set -eu
cd "$(dirname "$0")/../.."
if ! command -v mpicc >/dev/null || ! command -v mpirun >/dev/null; then
	echo "not run: OpenMPI is missing (Debian, Ubuntu: apt-get install openmpi-bin libopenmpi-dev pkg-config)"
	exit 0
fi
mkdir -p .cache/bin
mpicc -O2 -o .cache/bin/mpi_allreduce scripts/bench/peers/mpi_allreduce.c
go build -tags mpi -o .cache/bin/allreduce ./scripts/bench/allreduce
two() { mpirun --allow-run-as-root --oversubscribe --bind-to none -np 2 "$@"; }
for round in 1 2 3 4 5; do
	plain=$(two .cache/bin/mpi_allreduce)
	ours=$(two .cache/bin/allreduce)
	bf16=$(two .cache/bin/allreduce -bf16)
	echo "$plain $ours $bf16"
done | awk '
	{ printf "100 MB over 2 ranks: MPI alone %.1f ms, ours %.1f ms (%.0f %% of its bandwidth), bf16 on the wire %.1f ms\n", $1, $2, 100 * $1 / $2, $3; ratio[NR] = 100 * $1 / $2 }
	END { n = asort_(ratio, NR); printf "median: %.0f %% of the bandwidth of MPI alone (goal: at least 70 %%)\n", ratio[int((n + 1) / 2)] }
	function asort_(x, n,    i, j, t) { for (i = 2; i <= n; i++) { t = x[i]; for (j = i - 1; j > 0 && x[j] > t; j--) x[j + 1] = x[j]; x[j + 1] = t } return n }'
