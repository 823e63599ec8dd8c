package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"m6lab/scripts/setup"
)

// TestExamineDevices: every device of the tests' backend, and of the pure-Go one, multiplies rightly.
func TestExamineDevices(t *testing.T) {
	for _, config := range []string{os.Getenv("GOMLX_BACKEND"), "go"} {
		t.Setenv("GOMLX_BACKEND", config)
		if config == "" {
			setup.UseBackend()
		}
		devices, err := examineDevices()
		if err != nil {
			t.Fatalf("%q: %v", config, err)
		}
		if len(devices) == 0 {
			t.Errorf("%q: no device", config)
		}
		for _, d := range devices {
			if !d.Correct || d.GFLOPS <= 0 || d.Error != "" || d.Description == "" {
				t.Errorf("%q: %+v", config, d)
			}
		}
	}
}

// TestExamineDevicesWithout: a backend that does not exist is an error, not a crash.
func TestExamineDevicesWithout(t *testing.T) {
	for _, config := range []string{"nothing", "xla:/no/such/plugin.so"} {
		t.Setenv("GOMLX_BACKEND", config)
		if devices, err := examineDevices(); err == nil {
			t.Errorf("%q: got %v and no error", config, devices)
		}
	}
}

func TestCompareProduct(t *testing.T) {
	a, b, product := []float32{1, 2, 3, 4}, []float32{5, 6, 7, 8}, []float32{19, 22, 43, 50}
	if err := compareProduct(product, a, b, 2); err != nil {
		t.Error(err)
	}
	product[2]++
	if err := compareProduct(product, a, b, 2); err == nil || err.Error() != "matrix product at [1,0]: got 44, want 43" {
		t.Errorf("got %v", err)
	}
}

func TestDiagnosis(t *testing.T) {
	d := diagnosis{
		Backend:  setup.Backend{Config: "xla:cpu", Reason: "the CPU plugin is present", Warning: "a GPU sleeps"},
		Devices:  []device{{Number: 0, Description: "cpu:0", Correct: true, GFLOPS: 12.25}, {Number: 1, Description: "cpu:1", Error: "wrong"}},
		Memory:   memory{Total: 8e9, Available: 5e9, Cores: 2, GPUs: []string{"H100"}},
		Versions: map[string]string{"go": "go1.26", "plugin": "PJRT API 0.106"},
		Checks:   []check{{Name: "Python 3", Found: true, Detail: "/bin/python3", Mend: "none"}, {Name: "Chromium", Detail: "not found", Mend: "apt-get install chromium"}},
	}
	var out bytes.Buffer
	if err := d.print(&out); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"backend   xla:cpu (the CPU plugin is present)",
		"WARNING   a GPU sleeps",
		"device 0  cpu:0: product right, 12.2 GFLOP/s",
		"device 1  cpu:1: FAILED: wrong",
		"memory    8.0 GB, 5.0 GB free, 2 cores; GPU H100",
		"version   go       go1.26",
		"version   plugin   PJRT API 0.106",
		"found     Python 3: /bin/python3",
		"missing   Chromium: not found",
		"          mend: apt-get install chromium",
		"",
	}, "\n")
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := d.complaint(), "device 1: wrong"; got != want {
		t.Errorf("complaint: got %q, want %q", got, want)
	}
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"backend"`, `"devices"`, `"memory"`, `"versions"`, `"checks"`, `"can_train":false`} {
		if !bytes.Contains(data, []byte(key)) {
			t.Errorf("the JSON lacks %s: %s", key, data)
		}
	}
}
