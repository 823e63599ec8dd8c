package fetch

import (
	"fmt"
	"strings"
)

// Options say how the fetcher behaves. The recipe holds them under "fetch". Times are in milliseconds.
type Options struct {
	On     bool   `json:"on"`     // whether anything is fetched; off, the cache still answers
	Folder string `json:"folder"` // the cache; "" none: nothing is kept beyond this run
	Agent  string `json:"agent"`  // who we say we are, and the name that robots.txt is asked for: up to the first slash or space

	PerHost    int `json:"per_host"`    // connections to one host at a time
	Total      int `json:"total"`       // connections at a time
	IntervalMS int `json:"interval"`    // between two requests to one host; a longer Crawl-delay of robots.txt is kept
	TimeoutMS  int `json:"timeout"`     // of one request, from dialling to the last byte
	StallMS    int `json:"stall"`       // without a byte
	Bytes      int `json:"bytes"`       // of one body
	Redirects  int `json:"redirects"`   // hops of one request
	Tries      int `json:"tries"`       // of a request whose failure is transient
	BackoffMS  int `json:"backoff"`     // before the second try; doubled for each further one
	MostWaitMS int `json:"most_wait"`   // before a try, whatever Retry-After says; a host that asks for more has failed
	HostFaults int `json:"host_faults"` // transient failures in a row after which a host is given up for this run; 0 never

	Robots bool `json:"robots"` // robots.txt is kept to
	Any    bool `json:"any"`    // keep what is no picture as well
	Retry  bool `json:"retry"`  // transient failures of earlier runs are tried again
	// Private admits addresses of the machine and its network. For tests and closed networks; never with addresses from strangers.
	Private bool `json:"private"`
}

// Default is a polite fetcher that is off: fetching is a decision.
func Default() Options {
	return Options{
		Agent: "m6-corpus/1.0", PerHost: 2, Total: 32, IntervalMS: 500, TimeoutMS: 30000, StallMS: 10000, Bytes: 16 << 20, Redirects: 5,
		Tries: 3, BackoffMS: 1000, MostWaitMS: 60000, HostFaults: 10, Robots: true,
	}
}

// Validate returns an error that names the first field that is out of its range.
func (o Options) Validate() error {
	for _, f := range [...]struct {
		name            string
		value, from, to int
	}{
		{"per_host", o.PerHost, 1, 64}, {"total", o.Total, 1, 4096}, {"interval", o.IntervalMS, 0, 3600_000}, {"timeout", o.TimeoutMS, 1, 3600_000},
		{"stall", o.StallMS, 1, 3600_000}, {"bytes", o.Bytes, 1, 1 << 30}, {"redirects", o.Redirects, 0, 20}, {"tries", o.Tries, 1, 10},
		{"backoff", o.BackoffMS, 0, 3600_000}, {"most_wait", o.MostWaitMS, 0, 3600_000}, {"host_faults", o.HostFaults, 0, 1 << 20},
	} {
		if f.value < f.from || f.value > f.to {
			return fmt.Errorf("fetch: %s is %d: choose %d to %d", f.name, f.value, f.from, f.to)
		}
	}
	if o.Agent == "" || len(o.Agent) > 200 || strings.ContainsAny(o.Agent, "\r\n\x00") {
		return fmt.Errorf("fetch: agent is %.40q: give a name of one line, such as m6-corpus/1.0", o.Agent)
	}
	return nil
}
