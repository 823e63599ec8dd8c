package main

import (
	_ "gocloud.dev/blob/s3blob" // s3:// of sources
)
