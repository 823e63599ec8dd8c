//go:build clouds

package main

// With `go build -tags clouds` checkpoint.address takes these object stores too; they are 34 MB more.
import (
	_ "gocloud.dev/blob/azureblob" // azblob://container/prefix
	_ "gocloud.dev/blob/gcsblob"   // gs://bucket/prefix
)
