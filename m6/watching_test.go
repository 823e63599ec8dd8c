package m6

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"m6lab/m6/hosts"
	"m6lab/m6/strict"
	"m6lab/m6/watch"
)

// A run whose data does not come any more is reported as a hang, with the stack of the function that is stuck, and goes on when it comes.
func TestHang(t *testing.T) {
	data, v := tinyData(t, 40)
	run := picturedRun(t, 30)
	run.Data.Tasks = map[string]float64{"text_denoise": 1}
	run.Train.EvalEvery, run.Watch.HangSeconds = 0, 0.5
	dir := filepath.Join(t.TempDir(), "run")
	release, hangs := make(chan struct{}), make(chan watch.Hang, 100)
	var drawn atomic.Int64
	stuck := func(ids []int32, mask int32, _ *rand.Rand) []int32 {
		if drawn.Add(1) > 64 { // some steps are taken before
			<-release
		}
		return ids
	}
	training, err := OpenTraining(TrainOptions{Run: run, Dir: Folder(dir), Data: data, Vocab: v, Parts: Parts{Noise: stuck}, OnHang: func(h watch.Hang) { hangs <- h }})
	if err != nil {
		t.Fatal(err)
	}
	defer training.Close()
	done := make(chan error, 1)
	go func() { done <- training.Steps(t.Context(), 100) }()
	var h watch.Hang
	for h.Phase != watch.Data { // a machine that is slow may look stuck before
		select {
		case h = <-hangs:
		case err := <-done:
			t.Fatalf("the run ended without a hang: %v", err)
		}
	}
	if want := filepath.Join(dir, fmt.Sprintf("hang-%d.txt", h.Step)); h.Stacks != want || h.Err != nil {
		t.Errorf("%+v, want stacks in %s", h, want)
	}
	stacks, err := os.ReadFile(h.Stacks)
	if err != nil || !strings.Contains(string(stacks), "TestHang.func") {
		t.Errorf("the stacks do not show the function that is stuck (%v)", err)
	}
	close(release)
	if err := <-done; err != nil || !training.Finished() {
		t.Errorf("the run did not go on: %v, step %d", err, training.State.Step)
	}
}

// What a run shows while it trains: percentiles in metrics.jsonl, losses by task and source at /metrics.
func TestWatched(t *testing.T) {
	data, v := tinyData(t, 40)
	run := picturedRun(t, 7)
	run.Watch.Address, run.Data.Tasks = "localhost:0", map[string]float64{"lm": 1, "caption": 1}
	dir := filepath.Join(t.TempDir(), "run")
	var said []string
	var page string
	o := TrainOptions{Run: run, Dir: Folder(dir), Data: data, Vocab: v, Log: func(line string) { said = append(said, line) }, OnRecord: func(r Record) {
		if r.Step == 7 {
			page = fetch(t, strings.TrimPrefix(said[0], "metrics: "))
		}
	}}
	training, err := OpenTraining(o)
	if err != nil {
		t.Fatal(err)
	}
	defer training.Close()
	if err := training.Steps(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`m6_step{rank="0"} 7`, `m6_steps{rank="0"} 7`, `m6_loss{rank="0",source="all",task="all"} [0-9.]+`, `m6_valid_loss{rank="0",source="all",task="all"} [0-9.]+`,
		`m6_loss{rank="0",source="(words|pictures)",task="(lm|caption)"} [0-9.]+`,
		`m6_checkpoints_saved_total{rank="0"} [12]`, `m6_step_seconds_count{rank="0"} 6`, `m6_phase_seconds_total{phase="compile",rank="0"} [0-9.]+`,
	} {
		if !regexp.MustCompile(`(?m)^` + want).MatchString(page) {
			t.Errorf("/metrics has no %s:\n%s", want, page)
		}
	}
	records, err := Folder(dir).Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		p50, ok := r["step_seconds_p50"]
		if i == 0 {
			if ok {
				t.Errorf("percentiles before a step has finished: %v", r)
			}
			continue
		}
		if !(0 < p50 && p50 <= r["step_seconds_p90"] && r["step_seconds_p90"] <= r["step_seconds_p99"] && r["step_seconds_p99"] <= r["step_seconds_max"]) {
			t.Errorf("step %d: percentiles %v", i+1, r)
		}
	}
	other := run
	other.Watch.Address = regexp.MustCompile(`//(.*)/metrics`).FindStringSubmatch(said[0])[1]
	fresh := filepath.Join(t.TempDir(), "other")
	if _, err := OpenTraining(TrainOptions{Run: other, Dir: Folder(fresh), Data: data, Vocab: v}); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a port in use: %v", err)
	}
	if _, err := os.Stat(fresh); err == nil {
		t.Error("a port in use left a run behind")
	}
	if err := training.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", other.Watch.Address)
	if err != nil {
		t.Fatalf("the run is closed and its port is not free: %v", err)
	}
	l.Close()
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// threeRanks are the times of three ranks as if they had come from elsewhere.
type threeRanks struct {
	hosts.Group
	times func(rank int) ([]byte, error)
}

func (threeRanks) Rank() int                                      { return 0 }
func (threeRanks) Size() int                                      { return 3 }
func (r threeRanks) Broadcast(_ []byte, root int) ([]byte, error) { return r.times(root) }

// The times of all ranks come into the record, and a slow rank is named once, not at each record.
func TestCompareRanks(t *testing.T) {
	var said []string
	slow := 2.0
	training := &Training{clock: watch.NewClock(3), options: TrainOptions{Log: func(line string) { said = append(said, line) }}}
	training.Run.Watch.Straggler = 0.2
	training.hosts = threeRanks{times: func(rank int) ([]byte, error) {
		of := `{"rank": %d, "steps": 3, "p50": 2, "p90": 3, "p99": 4, "max": 5, "own": %g, "phases": {"data": %g}}`
		if rank == 2 {
			return fmt.Appendf(nil, of, rank, slow, slow-0.5), nil
		}
		return fmt.Appendf(nil, of, rank, 1.0, 0.5), nil
	}}
	compare := func(step int64) Record {
		t.Helper()
		r := Record{Step: step, Values: map[string]float64{}}
		if err := training.compareRanks(r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := compare(5)
	for name, want := range map[string]float64{"stragglers": 1, "step_seconds_p50_rank0": 2, "step_seconds_p90_rank1": 3, "step_seconds_p99_rank2": 4, "step_seconds_max_rank2": 5} {
		if r.Values[name] != want {
			t.Errorf("%s is %g, want %g", name, r.Values[name], want)
		}
	}
	compare(6)
	slow = 1
	compare(7)
	if want := []string{"step 5: rank 2 is slow: 2 s a step where the median of ranks is 1 s, most of it in data"}; !reflect.DeepEqual(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	training.hosts = threeRanks{times: func(int) ([]byte, error) { return nil, errors.New("rank 1 is gone") }}
	if err := training.compareRanks(Record{}); err == nil || !strings.Contains(err.Error(), "rank 1 is gone") {
		t.Errorf("a gather that fails: %v", err)
	}
}

func TestLossesOf(t *testing.T) {
	values := map[string]float64{"loss": 1, "loss_caption": 2, "loss_text_denoise_big_web": 3, "loss_lm_": 4, "valid_loss": 5, "valid_lm": 6, "learning_rate": 7, "loss_other": 8}
	if got, want := lossesOf(values, "loss"), []watch.Loss{{Task: "all", Source: "all", Value: 1}, {Task: "caption", Source: "all", Value: 2}, {Task: "lm", Source: "", Value: 4},
		{Task: "text_denoise", Source: "big_web", Value: 3}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := lossesOf(values, "valid"), []watch.Loss{{Task: "lm", Source: "all", Value: 6}, {Task: "all", Source: "all", Value: 5}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWatchConfig(t *testing.T) {
	for setting, want := range map[string]string{
		"watch.address=9464": "want host:port", "watch.log=jsn": `did you mean "json"?`, "watch.window=0": "watch.window is 0", "watch.straggler=-1": "watch.straggler is -1",
		"watch.hang_seconds=-2": "watch.hang_seconds is -2", "watch.hang=3": `did you mean "watch.hang_seconds"?`, "train.rollback.times=-1": "train.rollback has times=-1",
		"train.rollback.deviations=0": "train.rollback.deviations is 0", "train.rollback.patience=0": "patience=0",
	} {
		run := picturedRun(t, 3)
		err := strict.Override(&run, []string{setting})
		if err == nil {
			err = run.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", setting, err, want)
		}
	}
}
