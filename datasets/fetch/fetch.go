package fetch

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Fetcher gets pictures. It is safe for many goroutines; two that ask for one address share one request.
type Fetcher struct {
	o       Options
	web     *http.Transport // no http.Client: each hop of a redirect is checked as the first
	journal *journal
	total   chan struct{} // a token for every connection

	mu     sync.Mutex
	hosts  map[string]*host
	flying map[key]*flight
	seen   map[key]bool // asked for in this run
	report counts
}

// flight is a request under way.
type flight struct {
	done    chan struct{}
	waiting int // others that want the data, under Fetcher.mu
	data    []byte
	err     error
}

// New returns a fetcher; its cache folder is made where it is missing, and its journal is read.
func New(o Options) (*Fetcher, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	j, err := openJournal(o.Folder)
	if err != nil {
		return nil, err
	}
	return &Fetcher{o: o, web: newTransport(o), journal: j, total: make(chan struct{}, o.Total), hosts: map[string]*host{}, flying: map[key]*flight{}, seen: map[key]bool{}}, nil
}

// Close ends idle connections and writes the journal to the disk. No Get may run or follow.
func (f *Fetcher) Close() error {
	f.web.CloseIdleConnections()
	return f.journal.close()
}

// Get returns the bytes of a picture: from the cache where the journal knows the address, else from the web. The error is a *Failure, the
// context's, or one of the cache's folder. A failure is kept: the same address fails in the same way for the rest of the run, and of later ones unless Options.Retry is set
// and it was transient.
func (f *Fetcher) Get(ctx context.Context, address string) ([]byte, error) {
	u, failure := parse(address)
	if failure != nil {
		f.count(keyOf(address), nil, failure, false)
		return nil, failure
	}
	address = u.String()
	k := keyOf(address)
	for {
		f.mu.Lock()
		fl, shared := f.flying[k]
		if !shared {
			fl = &flight{done: make(chan struct{})}
			f.flying[k] = fl
		} else {
			fl.waiting++
		}
		f.mu.Unlock()
		if !shared {
			data, err := f.get(ctx, u, address, k)
			f.mu.Lock()
			delete(f.flying, k)
			if fl.err = err; fl.waiting > 0 {
				fl.data = bytes.Clone(data) // ours belongs to the caller
			}
			f.mu.Unlock()
			close(fl.done)
			return data, err
		}
		select {
		case <-fl.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if errors.As(fl.err, new(*Failure)) || fl.err == nil {
			return bytes.Clone(fl.data), fl.err
		}
		if ctx.Err() != nil { // the other's context ended, or ours as well
			return nil, ctx.Err()
		}
	}
}

// get answers from the journal, or fetches and writes it.
func (f *Fetcher) get(ctx context.Context, u *url.URL, address string, k key) ([]byte, error) {
	e, known := f.journal.find(k)
	f.mu.Lock()
	again := known && e.reason != "" && e.transient && f.o.Retry && f.o.On && !f.seen[k]
	f.mu.Unlock()
	broken := ""
	if known && !again {
		data, failure, err := f.journal.read(e, address)
		if err == nil {
			f.count(k, data, failure, true)
			if failure != nil {
				return nil, failure
			}
			return data, nil
		}
		broken = err.Error()
	}
	if !f.o.On {
		failure := &Failure{Reason: ReasonOff, URL: address, Transient: true}
		if broken != "" {
			failure.Reason, failure.Detail = ReasonCacheBroken, broken
		}
		f.count(k, nil, failure, true)
		return nil, failure
	}
	data, media, err := f.fetch(ctx, u)
	if failure := (*Failure)(nil); err != nil && !errors.As(err, &failure) {
		return nil, err
	}
	failure, _ := err.(*Failure)
	if failure != nil {
		failure.URL = address
	}
	if err := f.journal.write(k, address, data, media, failure); err != nil {
		return nil, err
	}
	f.count(k, data, failure, false)
	if failure != nil {
		return nil, failure
	}
	return data, nil
}

// parse returns an address as it is requested, without its fragment.
func parse(address string) (*url.URL, *Failure) {
	if len(address) > 4096 {
		return nil, &Failure{Reason: ReasonAddress, URL: address[:200], Detail: "longer than 4096 bytes"}
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return nil, &Failure{Reason: ReasonAddress, URL: address, Detail: "not a URL"}
	}
	u.Scheme = strings.ToLower(u.Scheme)
	if failure := admit(u); failure != nil {
		failure.URL = address
		return nil, failure
	}
	u.Host = strings.ToLower(u.Host)
	u.Fragment, u.RawFragment, u.User = "", "", nil
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// admit returns why u is not requested.
func admit(u *url.URL) *Failure {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return &Failure{Reason: ReasonScheme, URL: u.String(), Detail: u.Scheme}
	case u.Hostname() == "" || u.Opaque != "":
		return &Failure{Reason: ReasonAddress, URL: u.String(), Detail: "no host"}
	}
	return nil
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }
