#!/bin/sh
# The tests that want a real service beside them: functions TestService... in files that begin with
# `//go:build services`. Such a test starts its service, installs it where it may, or skips with its
# name. Run by `make services`.
packages=$(grep -rl --include='*_test.go' '^//go:build services' layers datasets checkpoints viz m6 tasks scripts notebooks 2>/dev/null |
	while read -r file; do echo "./$(dirname "$file")"; done | sort -u)
if [ -z "$packages" ]; then
	echo "no test wants a service yet"
	echo
	echo "0 passed, 0 failed"
	exit 0
fi
exec go run ./scripts/testrun -tags services -run '^TestService' $packages
