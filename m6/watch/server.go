package watch

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server answers /metrics, /healthz (503 while the run hangs), and /debug/pprof/ where it is asked for.
type Server struct {
	listener net.Listener
	http     *http.Server
	metrics  *Metrics
}

// CheckAddress says in one line what is wrong with an address, which is host:port, :port or "" for none.
func CheckAddress(address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("watch.address %q: want host:port, such as localhost:9464 (:0 takes any port that is free)", address)
	}
	return nil
}

// ServerOptions say what [Listen] answers.
type ServerOptions struct {
	Address string // host:port
	Rank    int
	Pprof   bool
	Clock   *Clock
	Limit   time.Duration // after which /healthz answers 503, as [HangOptions] have it; 0: never
}

// Listen takes the port of the address, that of rank r being r higher, and answers from then on. A port that is in use is an error of one line.
func Listen(o ServerOptions) (*Server, error) {
	if err := CheckAddress(o.Address); err != nil {
		return nil, err
	}
	address := o.Address
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if n, err := strconv.Atoi(port); err == nil && n > 0 {
		address = net.JoinHostPort(host, strconv.Itoa(n+o.Rank))
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("watch.address %s: %w; choose another port (:0 takes any that is free)", address, innermost(err))
	}
	s := &Server{listener: l, metrics: NewMetrics(o.Rank)}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", o.health)
	if o.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(l) // ends with Close; a listener that breaks takes no training down
	return s, nil
}

// health answers 200, or 503 while the run hangs.
func (o ServerOptions) health(w http.ResponseWriter, _ *http.Request) {
	if h, hung := o.Clock.Hung(o.Limit); o.Limit != 0 && hung {
		http.Error(w, h.line(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// innermost is the error at the bottom of a chain: net's repeat the address.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// URL is where the metrics are.
func (s *Server) URL() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/metrics"
}

// Metrics are the numbers that the server shows; of a nil Server they are nil and take everything.
func (s *Server) Metrics() *Metrics {
	if s == nil {
		return nil
	}
	return s.metrics
}

// Close gives the port free.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	return s.http.Close()
}
