// Command m6 prepares data, trains, evaluates and serves M6 models: `m6 --help` lists what it does.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks for an orderly end, a second one ends at once
	os.Exit(execute(ctx, rootCommand(), os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
