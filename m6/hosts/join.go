package hosts

import (
	"fmt"
	"os"
	"strconv"
)

// launchers are the variables by which a launcher says of how many tasks this process is one.
var launchers = []string{"OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}

// launched is the number of tasks that a launcher says it has started, and the variable that says so; 1 where none does.
func launched() (tasks int, by string) {
	for _, name := range launchers {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
			return n, name
		}
	}
	return 1, ""
}

// Join joins the processes that srun or mpirun has started with this one; without them the group is this process alone.
func Join() (Group, error) {
	tasks, by := launched()
	if tasks == 1 {
		return Alone(), nil
	}
	g, err := join()
	if err != nil {
		return nil, fmt.Errorf("this is one of %d tasks (%s=%d), %w", tasks, by, tasks, err)
	}
	return g, nil
}
