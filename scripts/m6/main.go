// Command m6 prepares data, trains, evaluates and serves M6 models: `m6 --help` lists what it does.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signalled(context.Background())
	code := execute(ctx, rootCommand(), os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// signalled is a context that the first SIGINT or SIGTERM ends, for an orderly end; a second one
// ends the program at once.
func signalled(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
