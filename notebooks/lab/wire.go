package lab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"m6lab/datasets"
)

// protocol is the version of what cells and the workbench say to each other.
const protocol = 1

// hello is the handshake: who the workbench is.
type hello struct {
	Protocol    int               `json:"protocol"`
	Build       string            `json:"build"`       // of the checkout's Go files
	Definitions map[string]string `json:"definitions"` // fingerprints by kind
	Process     int               `json:"process"`
	Run         string            `json:"run"` // the run that it has open; empty for none
	Step        int64             `json:"step"`
}

// request is what a cell asks for. Every request names the run: the workbench holds none that a cell has not named.
type request struct {
	Run      string           `json:"run"`
	Settings []string         `json:"settings,omitempty"`
	Steps    int64            `json:"steps,omitempty"`
	Row      datasets.Example `json:"row"`
	Text     string           `json:"text,omitempty"` // a caption to read instead of one that the model writes
}

// event is one line of what the workbench answers. A stream ends with Done or with Error.
type event struct {
	Step   int64              `json:"step"`
	Of     int64              `json:"of,omitempty"` // steps of the whole run
	Values map[string]float64 `json:"values,omitempty"`
	Say    string             `json:"say,omitempty"`
	Device string             `json:"device,omitempty"`
	Words  []word             `json:"words,omitempty"`
	Done   bool               `json:"done,omitempty"`
	Error  string             `json:"error,omitempty"`
}

// word is a token of a caption and where it looks: weights [row][column] of the picture's grid.
type word struct {
	Text    string      `json:"text"`
	Weights [][]float64 `json:"weights,omitempty"`
}

// client talks to the workbench behind a socket.
type client struct {
	http   http.Client
	socket string
}

func newClient(socket string) *client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", socket)
	}
	return &client{socket: socket, http: http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// hello asks who answers. A socket on which nobody answers within a moment is an error.
func (c *client) hello() (h hello, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = c.stream(ctx, "hello", request{}, func(line []byte) error { return json.Unmarshal(line, &h) })
	return h, err
}

// quit stops the workbench at a step; it answers when the run is saved.
func (c *client) quit() error {
	return c.stream(context.Background(), "quit", request{}, func([]byte) error { return nil })
}

// errEnded tells that the workbench went away in the middle of an answer.
var errEnded = errors.New("the workbench has ended")

// ask sends a request and passes on every event; an event with an error ends it.
func (c *client) ask(ctx context.Context, what string, r request, each func(event)) error {
	ended := false
	err := c.stream(ctx, what, r, func(line []byte) error {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("the workbench says what is no event: %w", err)
		}
		if e.Error != "" {
			ended = true
			return errors.New(e.Error)
		}
		ended = ended || e.Done
		each(e)
		return nil
	})
	if ctx.Err() == nil && !ended {
		return errors.Join(errEnded, err)
	}
	return err
}

// stream posts a request and passes on the lines of the answer.
func (c *client) stream(ctx context.Context, what string, r request, each func(line []byte) error) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://workbench/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := c.http.Do(post)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("the workbench answers %s: %s", response.Status, bytes.TrimSpace(text))
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		if err := each(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}
