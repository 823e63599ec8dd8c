package watch

import (
	"context"
	"io"
	"log/slog"
)

// NewLogger writes a JSON object a line to w: time, level, msg, rank, step, then what the caller adds. step tells the last finished step; it
// is called for each line.
func NewLogger(w io.Writer, rank int, step func() int64) *slog.Logger {
	return slog.New(stepHandler{slog.NewJSONHandler(w, nil).WithAttrs([]slog.Attr{slog.Int("rank", rank)}), step})
}

// stepHandler adds the step to each line.
type stepHandler struct {
	slog.Handler
	step func() int64
}

// Handle implements [slog.Handler].
func (h stepHandler) Handle(ctx context.Context, r slog.Record) error {
	line := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	line.AddAttrs(slog.Int64("step", h.step()))
	r.Attrs(func(a slog.Attr) bool {
		line.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements [slog.Handler].
func (h stepHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return stepHandler{h.Handler.WithAttrs(attrs), h.step}
}

// WithGroup implements [slog.Handler].
func (h stepHandler) WithGroup(name string) slog.Handler {
	return stepHandler{h.Handler.WithGroup(name), h.step}
}
