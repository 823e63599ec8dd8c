package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// worker is what the workbench does between a question and its answer. Only one of its methods runs at a time. A cancelled ctx stops
// it at a step; what it says goes through tell.
type worker interface {
	open(r request, tell func(event)) error
	train(ctx context.Context, r request, tell func(event)) error
	caption(ctx context.Context, r request, tell func(event)) error
	place() (run string, step int64)
	close() error
}

// server is the workbench: it answers on a socket until it is told to quit or its kernel is gone.
type server struct {
	hello  hello
	worker worker
	busy   sync.Mutex      // held while the worker works
	life   context.Context // ends when the workbench is to leave
	leave  context.CancelFunc
}

func newServer(h hello, w worker) *server {
	s := &server{hello: h, worker: w}
	s.life, s.leave = context.WithCancel(context.Background())
	return s
}

// kernelLook is how often the workbench looks whether its kernel is still there.
const kernelLook = 500 * time.Millisecond

// serve answers on l until the workbench is to leave, then stops the worker at a step and waits until it has saved.
func (s *server) serve(l net.Listener, alive func() bool) error {
	go func() {
		for s.life.Err() == nil && alive() {
			time.Sleep(kernelLook)
		}
		s.leave()
	}()
	web := &http.Server{Handler: s.handler()}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		<-s.life.Done()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = web.Shutdown(ctx) // waits for the answers under way, that of quit among them; no cell waits for its error
	}()
	err := web.Serve(l)
	s.leave() // also where the socket broke
	<-answered
	s.busy.Lock() // whoever worked has stopped and saved
	defer s.busy.Unlock()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, s.worker.close())
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hello", func(w http.ResponseWriter, _ *http.Request) {
		h := s.hello
		h.Run, h.Step = s.worker.place()
		_ = json.NewEncoder(w).Encode(h) // a cell that is gone needs no answer
	})
	mux.HandleFunc("POST /quit", func(w http.ResponseWriter, _ *http.Request) {
		s.leave()
		s.busy.Lock()
		defer s.busy.Unlock()
		fmt.Fprintln(w, "{}")
	})
	mux.HandleFunc("POST /open", s.answer(func(_ context.Context, r request, tell func(event)) error { return s.worker.open(r, tell) }))
	mux.HandleFunc("POST /train", s.answer(s.worker.train))
	mux.HandleFunc("POST /caption", s.answer(s.worker.caption))
	return mux
}

// answer runs one of the worker's methods and streams what it tells, a JSON object a line. It ends when the cell is interrupted.
func (s *server) answer(work func(context.Context, request, func(event)) error) http.HandlerFunc {
	return func(w http.ResponseWriter, asked *http.Request) {
		var r request
		if err := json.NewDecoder(asked.Body).Decode(&r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.busy.Lock()
		defer s.busy.Unlock()
		ctx, cancel := context.WithCancel(asked.Context())
		defer cancel()
		defer context.AfterFunc(s.life, cancel)()
		lines := json.NewEncoder(w)
		flush := http.NewResponseController(w)
		tell := func(e event) {
			_ = lines.Encode(e) // an interrupted cell no longer listens; ctx tells the worker
			_ = flush.Flush()
		}
		last := event{Done: true}
		if err := guarded(func() error { return work(ctx, r, tell) }); err != nil {
			last = event{Error: oneLine(err.Error())}
		}
		_, last.Step = s.worker.place()
		tell(last)
	}
}

// guarded turns a panic into an error: a reader's function may do anything.
func guarded(work func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return work()
}

// processAlive tells whether a process is there and is still the one that began at `began`.
func processAlive(pid int, began string) bool {
	process, err := os.FindProcess(pid)
	return err == nil && process.Signal(signalNone) == nil && processBegan(pid) == began
}
