// Command m6-corpus turns raw crawls into the records that m6 pretrains on: `m6-corpus --help` lists what it does.
package main

import (
	"context"
	"fmt"
	"os"

	"m6lab/scripts/command"
)

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "m6-corpus: "+command.OneLine(err.Error()))
		os.Exit(1)
	}
	ctx, stop := command.Signalled(context.Background())
	code := command.Execute(ctx, rootCommand(), os.Args[1:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
