package watch

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// get is a page of a server and its status.
func get(t *testing.T, url string) (int, string) {
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
	return response.StatusCode, string(body)
}

// filled is a server on a free port whose metrics all have a value.
func filled(t *testing.T, rank int) *Server {
	t.Helper()
	c, f := fakeClock(10)
	s, err := Listen(ServerOptions{Address: "localhost:0", Rank: rank, Clock: c, Limit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	m := s.Metrics()
	c.Begin(6)
	f.pass(0.25)
	c.Enter(Device)
	f.pass(2)
	m.Step(c.Finish(7))
	m.Record(Sample{
		Step: 7, Steps: 11, Loss: []Loss{{"all", "all", 2.5}, {"caption", "web", 3.5}}, Valid: []Loss{{"lm", "all", 4.5}},
		TokensPerSecond: 1300, MFU: 0.25, LearningRate: 3e-4, GradNorm: 1.7, DataWait: 0.05, Skipped: 2, Failed: 3,
	})
	m.Summary(c.Summary(rank), []Straggler{{Rank: 5, Phase: Data}})
	m.Stalled(500 * time.Millisecond)
	m.Saved(1234, 3*time.Second)
	m.RolledBack()
	m.Hung()
	return s
}

// What a client that knows nothing of this package reads from /metrics.
func TestMetrics(t *testing.T) {
	code, body := get(t, filled(t, 13).URL())
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil || code != http.StatusOK {
		t.Fatalf("status %d, %v:\n%s", code, err, body)
	}
	for name, want := range map[string]float64{
		"m6_step": 7, "m6_steps": 11, "m6_loss task=all source=all": 2.5, "m6_loss task=caption source=web": 3.5, "m6_valid_loss task=lm source=all": 4.5,
		"m6_tokens_per_second": 1300, "m6_mfu_ratio": 0.25, "m6_learning_rate": 3e-4, "m6_grad_norm": 1.7, "m6_data_wait_ratio": 0.05,
		"m6_step_window_seconds percentile=50": 2.25, "m6_step_window_seconds percentile=100": 2.25,
		"m6_phase_seconds_total phase=data": 0.25, "m6_phase_seconds_total phase=device": 2, "m6_straggler rank_slow=5 phase=data": 1,
		"m6_skipped_steps_total": 2, "m6_failed_examples_total": 3, "m6_rollbacks_total": 1, "m6_hangs_total": 1,
		"m6_checkpoints_saved_total": 1, "m6_checkpoint_write_seconds": 3, "m6_checkpoint_stall_seconds": 0.5, "m6_checkpoint_bytes": 1234,
	} {
		if got, ok := valueOf(families, name); !ok || got != want {
			t.Errorf("%s is %g (found: %v), want %g", name, got, ok, want)
		}
	}
	h := families["m6_step_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSampleCount() != 1 || h.GetSampleSum() != 2.25 {
		t.Errorf("m6_step_seconds: %v, want one step of 2.25 s", h)
	}
	if age, ok := valueOf(families, "m6_checkpoint_age_seconds"); !ok || age < 0 || age > 600 {
		t.Errorf("m6_checkpoint_age_seconds is %g (found: %v)", age, ok)
	}
	if memory, ok := valueOf(families, "m6_process_resident_memory_bytes"); !ok || memory < 1<<20 {
		t.Errorf("m6_process_resident_memory_bytes is %g (found: %v)", memory, ok)
	}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == "rank" && l.GetValue() == "13" }) {
				t.Errorf("%s has no rank=13: %v", name, m)
			}
		}
	}
}

// valueOf is the value of "name label=value label=value".
func valueOf(families map[string]*dto.MetricFamily, key string) (float64, bool) {
	fields := strings.Fields(key)
	for _, m := range families[fields[0]].GetMetric() {
		labels := 0
		for _, l := range m.GetLabel() {
			if slices.Contains(fields[1:], l.GetName()+"="+l.GetValue()) {
				labels++
			}
		}
		if labels == len(fields)-1 {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue(), true
		}
	}
	return 0, false
}

// The names follow Prometheus' rules, and every one of them is in the package comment, which lists no other.
func TestMetricNames(t *testing.T) {
	s := filled(t, 0)
	problems, err := testutil.GatherAndLint(s.Metrics().registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, name := range regexp.MustCompile(`\bm6_[a-z_]+[a-z]`).FindAllString(string(doc), -1) {
		listed[name] = true
	}
	families, err := s.Metrics().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if name := family.GetName(); !listed[name] && !strings.HasPrefix(name, "m6_process_") {
			t.Errorf("%s is not in the package comment", name)
		}
		delete(listed, family.GetName())
	}
	delete(listed, "m6_process")
	if len(listed) > 0 {
		t.Errorf("the package comment lists %v, which are not there", listed)
	}
}

// A port in use is one line that names it; the port of a rank is that much higher; pprof is there only where it is asked for.
func TestListen(t *testing.T) {
	taken, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	if _, err := Listen(ServerOptions{Address: address}); err == nil || strings.Contains(err.Error(), "\n") ||
		!strings.Contains(err.Error(), "watch.address "+address+": address already in use") {
		t.Errorf("a port in use: %v", err)
	}
	port := taken.Addr().(*net.TCPAddr).Port
	if _, err := Listen(ServerOptions{Address: fmt.Sprintf("localhost:%d", port-3), Rank: 3}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("localhost:%d: address already in use", port)) {
		t.Errorf("the port of rank 3, which is in use: %v", err)
	}
	for address, ok := range map[string]bool{"": true, ":0": true, "localhost:9464": true, "[::1]:9464": true, "9464": false, "localhost": false, "localhost:http": false, "localhost:99999": false} {
		if err := CheckAddress(address); (err == nil) != ok {
			t.Errorf("address %q: %v", address, err)
		}
	}
	for _, profile := range []bool{false, true} {
		c, f := fakeClock(3)
		s, err := Listen(ServerOptions{Address: "localhost:0", Rank: 3, Pprof: profile, Clock: c, Limit: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		base := strings.TrimSuffix(s.URL(), "/metrics")
		if code, _ := get(t, base+"/debug/pprof/goroutine?debug=1"); (code == http.StatusOK) != profile {
			t.Errorf("pprof %v: status %d", profile, code)
		}
		if code, body := get(t, base+"/healthz"); code != http.StatusOK || body != "ok\n" {
			t.Errorf("healthz: %d %q", code, body)
		}
		c.Begin(4)
		f.pass(61)
		if code, body := get(t, base+"/healthz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "step 5 has not finished for 61.0 s") {
			t.Errorf("healthz of a run that hangs: %d %q", code, body)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Of a server that is not there everything is taken.
func TestNoServer(t *testing.T) {
	var s *Server
	m := s.Metrics()
	m.Step(Step{})
	m.Record(Sample{})
	m.Summary(Summary{}, nil)
	m.Stalled(0)
	m.Saved(1, 1)
	m.RolledBack()
	m.Hung()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
