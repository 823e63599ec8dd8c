package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pictureBytes is a small PNG picture.
func pictureBytes(t testing.TB, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// quick are options for servers of this test.
func quick() Options {
	o := Default()
	o.On, o.Private, o.IntervalMS, o.BackoffMS, o.TimeoutMS, o.StallMS, o.MostWaitMS, o.HostFaults = true, true, 0, 1, 5000, 2000, 2000, 0
	return o
}

func newFetcher(t testing.TB, o Options) *Fetcher {
	t.Helper()
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// reasonOf returns the reason of a failure, "" success.
func reasonOf(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var failure *Failure
	if !errors.As(err, &failure) {
		t.Fatalf("error %v is no *Failure", err)
	}
	if strings.ContainsAny(failure.Error(), "\r\n") || failure.URL == "" {
		t.Errorf("failure %q (URL %q): want one line that names the address", failure.Error(), failure.URL)
	}
	return failure.Reason
}

func TestGet(t *testing.T) {
	picture := pictureBytes(t, 40)
	release := make(chan struct{})
	mux := http.NewServeMux()
	serve := func(path string, h http.HandlerFunc) { mux.HandleFunc(path, h) }
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
	}
	to := func(location string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Location"] = []string{location}
			w.WriteHeader(302)
		}
	}
	serve("/robots.txt", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "User-agent: *\nDisallow: /private/\n\nUser-agent: m6-corpus\nDisallow: /closed/\nDisallow: /*.secret$\n")
	})
	serve("/good.png", func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "m6-corpus/1.0" || r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("headers %v", r.Header)
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.Header().Set("Content-Type", "text/html") // lies; the bytes decide
		w.Write(picture)
	})
	serve("/closed/a.png", func(w http.ResponseWriter, r *http.Request) {
		t.Error("asked for what robots.txt forbids")
		w.Write(picture)
	})
	serve("/x.secret", func(w http.ResponseWriter, r *http.Request) {
		t.Error("asked for what robots.txt forbids")
		w.Write(picture)
	})
	serve("/private/a.png", func(w http.ResponseWriter, r *http.Request) { w.Write(picture) }) // forbidden to others only
	serve("/page.png", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		io.WriteString(w, "<html>no picture</html>")
	})
	serve("/empty.png", status(200))
	serve("/missing.png", status(404))
	serve("/gone.png", status(410))
	serve("/denied.png", status(403))
	serve("/broken.png", status(500))
	serve("/nothing.png", status(204))
	serve("/hop.png", to("/good.png"))
	serve("/hop2.png", to("hop.png"))
	serve("/loop.png", to("/loop.png"))
	serve("/file.png", to("file:///etc/passwd"))
	serve("/toclosed.png", to("/closed/a.png"))
	serve("/nowhere.png", to("http://[bad"))
	serve("/claims.png", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "99999999999")
		w.Write(picture)
	})
	serve("/short.png", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(picture)+1))
		w.Write(picture)
	})
	serve("/endless.png", func(w http.ResponseWriter, r *http.Request) {
		w.Write(picture)
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	serve("/stall.png", func(w http.ResponseWriter, r *http.Request) {
		w.Write(picture[:10])
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	serve("/mute.png", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	serve("/drip.png", func(w http.ResponseWriter, r *http.Request) {
		for range 1000 {
			w.Write([]byte{1})
			w.(http.Flusher).Flush()
			select {
			case <-release:
				return
			case <-r.Context().Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() { close(release); server.Close() }) // when the parallel cases are over

	o := quick()
	o.Bytes, o.Tries, o.StallMS, o.TimeoutMS = 100_000, 1, 200, 500
	f := newFetcher(t, o)
	want := map[string]string{
		"/good.png": "", "/good.png#part": "", "/private/a.png": "", "/hop.png": "", "/hop2.png": "",
		"/closed/a.png": ReasonRobots, "/x.secret": ReasonRobots, "/toclosed.png": ReasonRobots,
		"/page.png": ReasonNoPicture, "/empty.png": ReasonEmpty, "/missing.png": ReasonGone, "/gone.png": ReasonGone, "/denied.png": ReasonRefused,
		"/broken.png": ReasonServer, "/nothing.png": ReasonRefused, "/loop.png": ReasonRedirects, "/file.png": ReasonScheme, "/nowhere.png": ReasonAddress,
		"/claims.png": ReasonLarge, "/short.png": ReasonShort, "/endless.png": ReasonLarge, "/stall.png": ReasonTimeout, "/mute.png": ReasonTimeout, "/drip.png": ReasonTimeout,
	}
	for path, reason := range want {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			data, err := f.Get(t.Context(), server.URL+path)
			if got := reasonOf(t, err); got != reason {
				t.Errorf("reason %q (%v): want %q", got, err, reason)
			}
			if reason == "" && !bytes.Equal(data, picture) {
				t.Errorf("%d bytes: want the picture's %d", len(data), len(picture))
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	f := newFetcher(t, quick())
	for address, reason := range map[string]string{
		"": ReasonScheme, "a.png": ReasonScheme, "ftp://example.org/a.png": ReasonScheme, "file:///etc/passwd": ReasonScheme, "javascript:alert(1)": ReasonScheme,
		"http://": ReasonAddress, "http:///a.png": ReasonAddress, "http:a.png": ReasonAddress, "http://a b/": ReasonAddress, "http://[::1": ReasonAddress,
		"http://example.org/" + strings.Repeat("a", 5000): ReasonAddress, "http://name.invalid/a.png": ReasonName,
	} {
		_, err := f.Get(t.Context(), address)
		var failure *Failure
		if !errors.As(err, &failure) || failure.Reason != reason && !(reason == ReasonName && failure.Reason == ReasonConnect) {
			t.Errorf("%.60q: %v: want %q", address, err, reason)
		}
	}
}

// TestPrivate: nothing of the machine's own network is dialled, by whatever name or redirect it is reached.
func TestPrivate(t *testing.T) {
	var asked atomic.Int32
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); w.Write(pictureBytes(t, 9)) }))
	defer inner.Close()
	_, port, _ := net.SplitHostPort(inner.Listener.Addr().String())
	o := quick()
	o.Private, o.Tries = false, 1
	f := newFetcher(t, o)
	for _, host := range []string{"127.0.0.1", "localhost", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "10.0.0.1", "192.168.1.1", "172.16.0.1",
		"169.254.169.254", "[fe80::1]", "[fd00::1]", "100.64.0.1", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"} {
		for _, robots := range []bool{true, false} {
			f.o.Robots = robots
			_, err := f.Get(t.Context(), fmt.Sprintf("http://%s:%s/%v.png", host, port, robots))
			if reason := reasonOf(t, err); reason != ReasonPrivate {
				t.Errorf("%s (robots %v): reason %q (%v): want %q", host, robots, reason, err, ReasonPrivate)
			}
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("a server of the machine was asked %d times", n)
	}

	// A public host may redirect to a private one. The outer server stands for a public one: its address alone is let through.
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inner.URL+r.URL.Path, http.StatusFound)
	}))
	defer outer.Close()
	f.o.Robots = false
	outerAddress := outer.Listener.Addr().String()
	f.web.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != outerAddress {
			if err := public(address); err != nil {
				return nil, err
			}
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	_, err := f.Get(t.Context(), outer.URL+"/redirected.png")
	if reason := reasonOf(t, err); reason != ReasonPrivate || asked.Load() > 0 {
		t.Errorf("redirect to a private address: reason %q, asked %d times: want %q and none", reason, asked.Load(), ReasonPrivate)
	}
}

func TestPublicIP(t *testing.T) {
	for _, s := range []string{"8.8.8.8", "1.1.1.1", "114.114.114.114", "2400:3200::1", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1", "192.1.0.1"} {
		if !publicIP(netip.MustParseAddr(s)) {
			t.Errorf("%s is not public: want it to be", s)
		}
	}
	for _, s := range []string{"127.0.0.1", "10.1.2.3", "172.31.255.255", "192.168.0.1", "169.254.169.254", "0.1.2.3", "100.64.0.1", "100.127.255.255", "192.0.0.8", "198.18.0.1", "224.0.0.1",
		"240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "64:ff9b::a00:1", "2002:a00:1::1", "2001:db8::1", "2001::1"} {
		if publicIP(netip.MustParseAddr(s)) {
			t.Errorf("%s is public: want it not to be", s)
		}
	}
	for address, ok := range map[string]bool{"8.8.8.8:80": true, "8.8.8.8:443": true, "8.8.8.8:8080": true, "8.8.8.8:22": false, "8.8.8.8:25": false, "name:80": false, "8.8.8.8": false} {
		if got := public(address) == nil; got != ok {
			t.Errorf("public(%q) = %v: want %v", address, got, ok)
		}
	}
}

// TestRetry: transient failures are tried again, after the time that the host asks for; others are not.
func TestRetry(t *testing.T) {
	picture := pictureBytes(t, 20)
	var mu sync.Mutex
	asked := map[string][]time.Time{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path] = append(asked[r.URL.Path], time.Now())
		n := len(asked[r.URL.Path])
		mu.Unlock()
		switch {
		case r.URL.Path == "/busy.png" && n == 1:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
		case r.URL.Path == "/weak.png" && n <= 2:
			w.WriteHeader(502)
		case r.URL.Path == "/later.png":
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(503)
		case r.URL.Path == "/date.png":
			w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(429)
		case r.URL.Path == "/down.png":
			w.WriteHeader(500)
		case r.URL.Path == "/gone.png":
			w.WriteHeader(404)
		default:
			w.Write(picture)
		}
	}))
	defer server.Close()
	o := quick()
	o.Robots, o.MostWaitMS = false, 1500
	f := newFetcher(t, o)
	for _, c := range []struct {
		path, reason string
		times        int
	}{{"/busy.png", "", 2}, {"/weak.png", "", 3}, {"/gone.png", ReasonGone, 1}, {"/down.png", ReasonServer, 3}, {"/later.png", ReasonBusy, 1}} {
		_, err := f.Get(t.Context(), server.URL+c.path)
		if got := reasonOf(t, err); got != c.reason || len(asked[c.path]) != c.times {
			t.Errorf("%s: reason %q after %d requests: want %q after %d", c.path, got, len(asked[c.path]), c.reason, c.times)
		}
	}
	if times := asked["/busy.png"]; len(times) == 2 && times[1].Sub(times[0]) < 950*time.Millisecond {
		t.Errorf("came again after %v: the host asked for a second", times[1].Sub(times[0]))
	}
	// A failure is kept: it is not asked for again in this run.
	for range 3 {
		if _, err := f.Get(t.Context(), server.URL+"/down.png"); reasonOf(t, err) != ReasonServer {
			t.Errorf("second time: %v", err)
		}
	}
	if n := len(asked["/down.png"]); n != 3 {
		t.Errorf("a failure that is known was asked for again: %d requests", n)
	}
	g := newFetcher(t, o) // a fresh one: the last waits made this host slow
	if _, err := g.Get(t.Context(), server.URL+"/date.png"); reasonOf(t, err) != ReasonBusy {
		t.Errorf("a date in Retry-After: %v", err)
	}
}

// TestHostGivenUp: a host that only fails is left alone after a while, and only that host.
func TestHostGivenUp(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); w.WriteHeader(500) }))
	defer server.Close()
	o := quick()
	o.Robots, o.HostFaults, o.Tries = false, 4, 1
	f := newFetcher(t, o)
	reasons := map[string]int{}
	for i := range 20 {
		_, err := f.Get(t.Context(), fmt.Sprintf("%s/%d.png", server.URL, i))
		reasons[reasonOf(t, err)]++
	}
	if asked.Load() != 4 || reasons[ReasonServer] != 4 || reasons[ReasonHost] != 16 {
		t.Errorf("%d requests, reasons %v: want 4, then the host given up", asked.Load(), reasons)
	}
}

// TestRobotsDown: a host whose robots.txt fails is not crawled; one that has none is.
func TestRobotsDown(t *testing.T) {
	picture := pictureBytes(t, 20)
	for status, reason := range map[int]string{500: ReasonRobots, 503: ReasonRobots, 404: "", 403: "", 200: ""} {
		var robots atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/robots.txt" {
				robots.Add(1)
				w.WriteHeader(status)
				if status == 200 {
					w.Write(bytes.Repeat([]byte("# a long comment\n"), 100_000)) // more than is read
				}
				return
			}
			w.Write(picture)
		}))
		o := quick()
		o.Tries = 2
		f := newFetcher(t, o)
		var wait sync.WaitGroup
		for i := range 8 {
			wait.Go(func() {
				_, err := f.Get(t.Context(), fmt.Sprintf("%s/%d.png", server.URL, i))
				if got := reasonOf(t, err); got != reason {
					t.Errorf("robots.txt with status %d: reason %q: want %q", status, got, reason)
				}
			})
		}
		wait.Wait()
		want := int32(1)
		if status >= 500 {
			want = 2
		}
		if robots.Load() != want {
			t.Errorf("robots.txt with status %d was asked for %d times: want %d", status, robots.Load(), want)
		}
		server.Close()
	}
}

// TestPolite: never more connections to a host than allowed, and the interval between requests is kept, also a longer Crawl-delay.
func TestPolite(t *testing.T) {
	picture := pictureBytes(t, 20)
	var now, most atomic.Int32
	var mu sync.Mutex
	var starts []time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			io.WriteString(w, "User-agent: *\nCrawl-delay: 0.05\n")
			return
		}
		mu.Lock()
		starts = append(starts, time.Now())
		mu.Unlock()
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(120 * time.Millisecond)
		now.Add(-1)
		w.Write(picture)
	}))
	defer server.Close()
	o := quick()
	o.PerHost = 2
	f := newFetcher(t, o)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			if _, err := f.Get(t.Context(), fmt.Sprintf("%s/%d.png", server.URL, i)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if most.Load() != 2 {
		t.Errorf("%d requests at a time: want 2", most.Load())
	}
	slices.SortFunc(starts, time.Time.Compare)
	if total := starts[len(starts)-1].Sub(starts[0]); total < 7*45*time.Millisecond {
		t.Errorf("8 requests began within %v: want 50 ms between each two", total)
	}
}

// TestShared: many that ask for one address cause one request, and each has bytes of its own.
func TestShared(t *testing.T) {
	picture := pictureBytes(t, 20)
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		time.Sleep(50 * time.Millisecond)
		w.Write(picture)
	}))
	defer server.Close()
	o := quick()
	o.Robots = false
	f := newFetcher(t, o)
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			data, err := f.Get(t.Context(), server.URL+"/a.png")
			if err != nil || !bytes.Equal(data, picture) {
				t.Errorf("%d bytes, %v", len(data), err)
			}
			clear(data) // of no concern to others
		})
	}
	wait.Wait()
	if asked.Load() != 1 {
		t.Errorf("%d requests: want 1", asked.Load())
	}
	if r := f.Report(); r.Fetched != 1 || r.Cached != 0 || r.Failed != 0 || r.Bytes != int64(len(picture)) {
		t.Errorf("report %+v", r)
	}
}

// TestCancel: the end of a context is no failure of the address, and one caller's end is not another's.
func TestCancel(t *testing.T) {
	picture := pictureBytes(t, 20)
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-hold:
			w.Write(picture)
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	o := quick()
	o.Robots = false
	f := newFetcher(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := f.Get(ctx, server.URL+"/a.png"); first <- err }()
	for {
		f.mu.Lock()
		n := len(f.flying)
		f.mu.Unlock()
		if n == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	second := make(chan error, 1)
	go func() { _, err := f.Get(t.Context(), server.URL+"/a.png"); second <- err }()
	time.Sleep(20 * time.Millisecond)
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled one: %v", err)
	}
	close(hold)
	if err := <-second; err != nil {
		t.Errorf("the other one: %v", err)
	}
}

// TestCache: a second run answers from the folder without the web, byte for byte, failures included.
func TestCache(t *testing.T) {
	picture := pictureBytes(t, 30)
	var asked atomic.Int32
	broken := atomic.Bool{}
	broken.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch {
		case strings.HasPrefix(r.URL.Path, "/gone"):
			w.WriteHeader(404)
		case r.URL.Path == "/weak.png" && broken.Load():
			w.WriteHeader(500)
		default:
			w.Write(picture)
		}
	}))
	defer server.Close()
	o := quick()
	o.Robots, o.Folder, o.Tries = false, filepath.Join(t.TempDir(), "cache"), 1
	paths := []string{"/a.png", "/b.png", "/gone.png", "/weak.png"}
	run := func(o Options) (reasons []string, report Report) {
		t.Helper()
		f, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			data, err := f.Get(t.Context(), server.URL+path)
			reason := reasonOf(t, err)
			if reason == "" && !bytes.Equal(data, picture) {
				t.Errorf("%s: other bytes", path)
			}
			reasons = append(reasons, reason)
		}
		report = f.Report()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return reasons, report
	}
	first := []string{"", "", ReasonGone, ReasonServer}
	if got, report := run(o); !slices.Equal(got, first) || report.Fetched != 2 || report.Failed != 2 || len(report.Reasons) != 2 || report.Reasons[0] != (Reason{ReasonGone, 1}) {
		t.Fatalf("first run: %q, %+v", got, report)
	}
	broken.Store(false)
	before := asked.Load()
	off := o
	off.On = false
	for name, options := range map[string]Options{"again": o, "off": off} {
		if got, report := run(options); !slices.Equal(got, first) || report.Cached != 2 || report.Fetched != 0 || report.Failed != 2 {
			t.Errorf("%s: %q, %+v: want what the first run gave", name, got, report)
		}
	}
	if asked.Load() != before {
		t.Errorf("the web was asked %d times: the cache knows the answers", asked.Load()-before)
	}
	list, err := Failures(o.Folder)
	if err != nil || len(list) != 2 || list[0].Reason != ReasonGone || list[1].Reason != ReasonServer || !list[1].Transient || list[0].Transient {
		t.Errorf("failures %+v, %v", list, err)
	}
	// Asked to, a run tries the transient failure again, and only that one.
	again := o
	again.Retry = true
	if got, _ := run(again); !slices.Equal(got, []string{"", "", ReasonGone, ""}) || asked.Load() != before+1 {
		t.Errorf("with retry: %q after %d requests: want one request that succeeds", got, asked.Load()-before)
	}
	if got, _ := run(off); !slices.Equal(got, []string{"", "", ReasonGone, ""}) {
		t.Errorf("after the retry: %q", got)
	}
	if list, err := Failures(o.Folder); err != nil || len(list) != 1 {
		t.Errorf("failures %+v, %v: the one that was mended has gone", list, err)
	}
	// Bytes that rot are not served.
	objects, _ := filepath.Glob(filepath.Join(o.Folder, "objects", "*", "*"))
	if len(objects) != 1 {
		t.Fatalf("objects %v: want one, equal bytes are kept once", objects)
	}
	if err := os.WriteFile(objects[0], picture[:20], 0o644); err != nil {
		t.Fatal(err)
	}
	if got, _ := run(off); got[0] != ReasonCacheBroken {
		t.Errorf("rotten bytes, off: %q", got)
	}
	if got, _ := run(o); got[0] != "" || got[1] != "" {
		t.Errorf("rotten bytes, on: %q", got)
	}
	if got, _ := run(off); got[0] != "" || got[1] != "" {
		t.Errorf("after the mend: %q", got)
	}
}

// TestJournalKilled: a half line at the end, and lines of rubbish, cost those lines and no more; they are counted.
func TestJournalKilled(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, journalName)
	good := `{"url":"http://a.example/gone.png","reason":"not found","detail":"status 404"}` + "\n"
	content := good + "rubbish\n" + `{"url":"http://a.example/x","sha256":"12"}` + "\n" + strings.Repeat("x", 200_000) + "\n" + strings.Replace(good, "gone", "gone2", 1) + `{"url":"http://a.exa`
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f, err := New(Options{Folder: folder, Agent: "a", PerHost: 1, Total: 1, TimeoutMS: 1, StallMS: 1, Bytes: 1, Tries: 1})
		if err != nil {
			t.Fatal(err)
		}
		for name, reason := range map[string]string{"gone": ReasonGone, "gone2": ReasonGone, "other": ReasonOff} {
			if _, err := f.Get(t.Context(), "http://a.example/"+name+".png"); reasonOf(t, err) != reason {
				t.Errorf("%s: %v: want %q", name, err, reason)
			}
		}
		if f.Report().Broken != 4 {
			t.Errorf("%d broken lines: want 4", f.Report().Broken)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	after, _ := os.ReadFile(path)
	if string(after) != content+"\n" {
		t.Errorf("the journal is only ever appended to")
	}
}

func TestValidate(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(*Options){
		"per_host": func(o *Options) { o.PerHost = 0 }, "total": func(o *Options) { o.Total = 0 }, "bytes": func(o *Options) { o.Bytes = -1 }, "agent": func(o *Options) { o.Agent = "a\r\nX: y" },
		"tries": func(o *Options) { o.Tries = 0 }, "redirects": func(o *Options) { o.Redirects = 99 }, "timeout": func(o *Options) { o.TimeoutMS = 0 },
	} {
		o := Default()
		edit(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v: want one that names it", name, err)
		}
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"url":"http://a/","reason":"x"}` + "\n"))
	f.Add([]byte(`{"url":"http://a/","sha256":"` + strings.Repeat("0", 64) + `"}` + "\n{"))
	f.Add([]byte("\n\n\x00\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, journalName), data, 0o644); err != nil {
			t.Fatal(err)
		}
		j, err := openJournal(folder)
		if err != nil {
			t.Fatal(err)
		}
		k := keyOf("http://example.org/")
		if err := j.write(k, "http://example.org/", []byte("picture"), "image/png", nil); err != nil {
			t.Fatal(err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
		if j, err = openJournal(folder); err != nil {
			t.Fatal(err)
		}
		defer j.close()
		e, ok := j.find(k)
		if got, failure, err := j.read(e, ""); !ok || failure != nil || err != nil || string(got) != "picture" {
			t.Fatalf("what was written behind %q came back as %q, %v, %v, %v", data, got, failure, err, ok)
		}
	})
}

// TestCertificate: a host whose certificate is not trusted gives nothing.
func TestCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(pictureBytes(t, 20)) }))
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	o := quick()
	for _, o.Robots = range []bool{true, false} {
		f := newFetcher(t, o)
		if _, err := f.Get(t.Context(), server.URL+"/a.png"); reasonOf(t, err) != ReasonTLS {
			t.Errorf("robots %v: %v: want %q", o.Robots, err, ReasonTLS)
		}
	}
}

// TestRefused: a port where nobody listens.
func TestRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	f := newFetcher(t, quick())
	for range 2 {
		_, err := f.Get(t.Context(), "http://"+address+"/a.png")
		var failure *Failure
		if !errors.As(err, &failure) || failure.Reason != ReasonConnect || !failure.Transient {
			t.Errorf("%v: want %q, transient", err, ReasonConnect)
		}
	}
}
