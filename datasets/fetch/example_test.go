package fetch_test

import (
	"context"
	"errors"
	"fmt"

	"m6lab/datasets/fetch"
)

func ExampleFetcher_Get() {
	o := fetch.Default()
	o.On = true
	f, err := fetch.New(o)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	_, err = f.Get(context.Background(), "http://127.0.0.1/picture.png")
	var failure *fetch.Failure
	if errors.As(err, &failure) {
		fmt.Println(failure.Reason)
	}
	fmt.Printf("%+v\n", f.Report().Reasons)
	// Output:
	// private address
	// [{Reason:private address Count:1}]
}
