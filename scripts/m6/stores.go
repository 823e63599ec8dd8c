package main

import (
	_ "gocloud.dev/blob/s3blob" // s3:// of checkpoint.address, beside file://; 12 MB of the program
)
