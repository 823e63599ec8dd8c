#!/bin/sh
# Looks for the tools that building needs and names the mend for a missing one. Run by the Makefile.
status=0
need() { # need PROGRAM WHAT MEND
	command -v "$1" >/dev/null 2>&1 && return
	echo "$2 is missing: $3" >&2
	status=1
}
need go "Go 1.26" "https://go.dev/doc/install (an older Go fetches the right toolchain by itself)"
need "${CC:-cc}" "a C compiler" "Debian, Ubuntu: apt-get install gcc libc6-dev"
need python3 "Python 3" "Debian, Ubuntu: apt-get install python3 python3-venv"
exit $status
