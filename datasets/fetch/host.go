package fetch

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/temoto/robotstxt"
)

// host is what is known of one scheme and host during a run.
type host struct {
	slots chan struct{} // a token for every connection

	mu     sync.Mutex
	next   time.Time // when the next request may begin
	pause  time.Duration
	faults int // transient failures in a row
	users  int // under Fetcher.mu

	robots chan struct{} // holds one token; who has it may look at what follows
	asked  bool
	group  *robotstxt.Group
	down   *Failure // why robots.txt could not be read: then nothing is allowed (RFC 9309, section 2.3.1.4)
}

// mostHosts bounds the hosts that are remembered; idle ones are forgotten beyond it.
const mostHosts = 1 << 14

// host returns the host of u and a function that gives it back.
func (f *Fetcher) host(u *url.URL) (h *host, done func()) {
	name := u.Scheme + "://" + u.Host
	f.mu.Lock()
	defer f.mu.Unlock()
	h = f.hosts[name]
	if h == nil {
		if len(f.hosts) >= mostHosts {
			for name, other := range f.hosts {
				if other.users == 0 {
					delete(f.hosts, name)
				}
			}
		}
		h = &host{slots: make(chan struct{}, f.o.PerHost), pause: milliseconds(f.o.IntervalMS), robots: make(chan struct{}, 1)}
		f.hosts[name] = h
	}
	h.users++
	return h, func() {
		f.mu.Lock()
		h.users--
		f.mu.Unlock()
	}
}

// enter waits for the host's turn and for a free connection; leave must follow where it returns nil.
func (f *Fetcher) enter(ctx context.Context, h *host) error {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	h.mu.Lock()
	now := time.Now()
	start := h.next
	if start.Before(now) {
		start = now
	}
	h.next = start.Add(h.pause)
	h.mu.Unlock()
	if err := sleep(ctx, start.Sub(now)); err != nil {
		<-h.slots
		return err
	}
	select {
	case f.total <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-h.slots
		return ctx.Err()
	}
}

func (f *Fetcher) leave(h *host) {
	<-f.total
	<-h.slots
}

// delay lets no request to the host begin before d has passed.
func (h *host) delay(d time.Duration) {
	h.mu.Lock()
	if at := time.Now().Add(d); at.After(h.next) {
		h.next = at
	}
	h.mu.Unlock()
}

// ended notes how a request ended and whether the host is worth another.
func (h *host) ended(failure *Failure) {
	h.mu.Lock()
	if failure != nil && failure.Transient {
		h.faults++
	} else {
		h.faults = 0
	}
	h.mu.Unlock()
}

// givenUp reports whether the host has failed too often.
func (h *host) givenUp(most int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return most > 0 && h.faults >= most
}

// robotsBytes is how much of a robots.txt is read: what RFC 9309 asks for at least.
const robotsBytes = 512 << 10

// allowed returns a failure where robots.txt forbids u, or could not be asked for. It is asked once a host and run.
func (f *Fetcher) allowed(ctx context.Context, h *host, u *url.URL) error {
	if !f.o.Robots {
		return nil
	}
	select {
	case h.robots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.robots }()
	if !h.asked {
		if err := f.askRobots(ctx, h, u); err != nil {
			return err
		}
	}
	switch {
	case h.down != nil:
		return &Failure{Reason: h.down.Reason, URL: u.String(), Detail: strings.TrimSuffix("robots.txt: "+h.down.Detail, ": "), Transient: h.down.Transient, final: true}
	case h.group != nil && !h.group.Test(u.RequestURI()):
		return &Failure{Reason: ReasonRobots, URL: u.String(), Detail: "disallowed"}
	}
	return nil
}

// askRobots reads the robots.txt of u's host, with tries. The error is the context's.
func (f *Fetcher) askRobots(ctx context.Context, h *host, u *url.URL) error {
	wait := milliseconds(f.o.BackoffMS)
	for try := 1; ; try++ {
		r, err := f.followRobots(ctx, &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/robots.txt"})
		failure, ok := err.(*Failure)
		switch {
		case err != nil && !ok:
			return err
		case ok && failure.Transient && try < f.o.Tries && max(wait, r.after) <= milliseconds(f.o.MostWaitMS):
			if err := sleep(ctx, max(wait, r.after)); err != nil {
				return err
			}
			wait *= 2
			continue
		case ok:
			h.asked, h.down = true, failure
			return nil
		}
		h.asked = true
		data, err := robotstxt.FromBytes(r.body)
		if err != nil {
			return nil // not a robots.txt: it forbids nothing
		}
		agent, _, _ := strings.Cut(f.o.Agent, "/")
		agent, _, _ = strings.Cut(agent, " ")
		h.group = data.FindGroup(agent)
		h.mu.Lock()
		h.pause = max(h.pause, min(h.group.CrawlDelay, milliseconds(f.o.MostWaitMS)))
		h.mu.Unlock()
		return nil
	}
}

// followRobots requests a robots.txt and follows its redirects. A host that has none forbids nothing, one that fails forbids all.
func (f *Fetcher) followRobots(ctx context.Context, at *url.URL) (reply, error) {
	for hop := 0; ; hop++ {
		there, done := f.host(at)
		r, err := f.request(ctx, there, at, wanted{accept: "text/plain, */*;q=0.1", limit: robotsBytes, prefix: true})
		done()
		if err != nil {
			return r, err
		}
		switch {
		case r.location != nil && (hop >= 5 || admit(r.location) != nil):
			return reply{}, nil
		case r.location != nil:
			at = r.location
		case r.status >= 500 || r.status == 429:
			return r, &Failure{Reason: ReasonRobots, URL: at.String(), Detail: "status " + itoa(r.status), Transient: true}
		case r.status < 200 || r.status >= 300:
			return reply{}, nil
		default:
			return r, nil
		}
	}
}
