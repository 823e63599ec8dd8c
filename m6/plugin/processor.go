package plugin

import (
	"os"
	"runtime"
	"strings"
)

// processor names the processor and what it can do, so that a cache that machines share gives each its own programs.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOOS + " " + runtime.GOARCH
	}
	out := runtime.GOARCH
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			switch strings.TrimSpace(key) {
			case "model name", "flags", "Features":
				out += "\x00" + strings.TrimSpace(value)
			case "processor":
				if strings.TrimSpace(value) != "0" {
					return out // the others are alike
				}
			}
		}
	}
	return out
}
