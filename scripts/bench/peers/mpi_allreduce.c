// The sum of 100 MB of f32 over ranks as MPI alone does it: the peer of scripts/bench/allreduce. Prints the median time in ms.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ELEMENTS = 25 << 20, ROUNDS = 21, WARM = 3 };

static int ascending(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv) {
	MPI_Init(&argc, &argv);
	int rank;
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	float *x = malloc(ELEMENTS * sizeof(float));
	memset(x, 0, ELEMENTS * sizeof(float));
	double times[ROUNDS];
	for (int i = -WARM; i < ROUNDS; i++) {
		MPI_Barrier(MPI_COMM_WORLD);
		double start = MPI_Wtime();
		MPI_Allreduce(MPI_IN_PLACE, x, ELEMENTS, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
		if (i >= 0) times[i] = 1e3 * (MPI_Wtime() - start);
	}
	qsort(times, ROUNDS, sizeof(double), ascending);
	if (rank == 0) printf("%.1f\n", times[ROUNDS / 2]);
	MPI_Finalize();
}
