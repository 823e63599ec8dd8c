//go:build services

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"m6lab/scripts/corpus/corpustest"
	"m6lab/scripts/corpus/stages"
)

// The job server of Beam for Flink, and a log for it.
const flinkPOM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
	<modelVersion>4.0.0</modelVersion>
	<groupId>m6lab</groupId><artifactId>flink</artifactId><version>1</version>
	<dependencies>
		<dependency><groupId>org.apache.beam</groupId><artifactId>beam-runners-flink-1.16</artifactId><version>2.56.0</version></dependency>
		<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
	</dependencies>
</project>
`

// TestServiceFlink: the same build on Prism, on a real Flink with one and with two slots, with workers that are processes of their own, and on
// no runner gives the same files and counts.
func TestServiceFlink(t *testing.T) {
	endpoint := startFlink(t)
	_, in := corpustest.Inputs(t)
	dir := t.TempDir()
	build := func(name string, args ...string) *stages.Report {
		args = append(append([]string{"build", "--json", "--recipe=default", "--unit=2000", "--out", filepath.Join(dir, name)}, args...), sources(in)...)
		r := &stages.Report{}
		if err := json.Unmarshal([]byte(must(t, args...)), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	flink := []string{"--runner=universal", "--endpoint=" + endpoint, "--environment_type=LOOPBACK"}
	want := build("prism", "--workers=2")
	for name, args := range map[string][]string{
		"flink":     append(flink, "--workers=2"),
		"flink-two": append(flink, "--workers=2", "--parallelism=2"),
		"processes": {
			"--runner=universal", "--endpoint=" + endpoint, "--environment_type=PROCESS", "--environment_config=" + processes(t),
			"--worker_binary=" + os.Args[0], "--workers=2", "--parallelism=2",
		},
		"plain": {"--runner=none"},
	} {
		got := build(name, args...)
		corpustest.Same(t, filepath.Join(dir, "prism"), filepath.Join(dir, name))
		if a, b := accounts(t, want), accounts(t, got); a != b {
			t.Errorf("%s counts\n%s\nPrism counts\n%s", name, b, a)
		}
	}
	t.Logf("%d records, the same on Prism, on Flink and without a runner", want.Records())

	t.Run("Failure", func(t *testing.T) {
		failsInOneLine(t, append(flink, "--workers=1")...)
	})
}

// processes builds Beam's loader of workers, as its containers have it, and returns the configuration of workers that are processes.
func processes(t *testing.T) string {
	t.Helper()
	before, _ := filepath.Glob("/tmp/bin*/worker") // where the loader puts the program that it has fetched
	t.Cleanup(func() {
		after, _ := filepath.Glob("/tmp/bin*/worker")
		for _, program := range after {
			if !slices.Contains(before, program) {
				_ = os.RemoveAll(filepath.Dir(program))
			}
		}
	})
	boot := filepath.Join(t.TempDir(), "boot")
	if out, err := exec.Command("go", "build", "-o", boot, "github.com/apache/beam/sdks/v2/go/container").CombinedOutput(); err != nil {
		t.Fatalf("building Beam's loader: %v: %s", err, out)
	}
	config, err := json.Marshal(map[string]any{"command": boot})
	if err != nil {
		t.Fatal(err)
	}
	return string(config)
}

// accounts is what a report counts, as JSON.
func accounts(t *testing.T, r *stages.Report) string {
	t.Helper()
	data, err := json.MarshalIndent([]any{r.Key, r.Sources, r.Funnel, r.Table1, r.Samples}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// startFlink starts Beam's job server with a Flink in it and returns its address.
func startFlink(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: a Flink needs Java 17 (openjdk-17-jre-headless) and Maven (maven)", program)
		}
	}
	jars := flinkJars(t)
	port := freePort(t)
	var args []string
	for _, pack := range []string{"lang", "util", "net", "nio", "time"} {
		args = append(args, "--add-opens", "java.base/java."+pack+"=ALL-UNNAMED")
	}
	args = append(args, "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(jars, "*"),
		"org.apache.beam.runners.flink.FlinkJobServerDriver", "--flink-master=[local]", fmt.Sprintf("--job-port=%d", port),
		"--artifact-port=0", "--expansion-port=0", "--artifacts-dir="+t.TempDir())
	c := exec.Command("java", args...)
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	c.Dir = t.TempDir() // the loader of workers leaves its options where it is started
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		<-ended
		if t.Failed() {
			t.Logf("the job server said:\n%s", tailOf(log.String()))
		}
	})
	address := fmt.Sprintf("localhost:%d", port)
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			_ = conn.Close()
			return address
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the job server ended: %v", err)
		default:
		}
	}
	t.Fatal("the job server does not listen after two minutes")
	return ""
}

func tailOf(text string) string { return text[max(0, len(text)-8000):] }

// flinkJars fetches the job server's jars once into the user's cache.
func flinkJars(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	jars := filepath.Join(cache, "m6lab", "flink-1.16-beam-2.56.0")
	if _, err := os.Stat(filepath.Join(jars, "complete")); err == nil {
		return jars
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(flinkPOM), 0o666); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory="+jars)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("mvn dependency:copy-dependencies: %v: %s", err, tailOf(string(out)))
	}
	if err := os.WriteFile(filepath.Join(jars, "complete"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	return jars
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
