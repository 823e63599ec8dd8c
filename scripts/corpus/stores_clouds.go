//go:build clouds

package main

// With `go build -tags clouds` sources may lie in these object stores too; they are 5 MB more.
import (
	_ "gocloud.dev/blob/azureblob" // azblob://container/prefix
	_ "gocloud.dev/blob/gcsblob"   // gs://bucket/prefix
)
