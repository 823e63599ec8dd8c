// Command m6 prepares data, trains, evaluates and serves M6 models: `m6 --help` lists what it does.
package main

import (
	"context"
	"os"

	"m6lab/scripts/command"
)

func main() {
	ctx, stop := command.Signalled(context.Background())
	code := command.Execute(ctx, rootCommand(), os.Args[1:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
