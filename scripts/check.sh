#!/bin/sh
# Format, vet, staticcheck and, where its database can be reached, govulncheck. A finding fails.
# Run by `make check` and by CI.
status=0
unformatted=$(gofmt -l layers datasets checkpoints viz m6 tasks scripts notebooks 2>/dev/null)
if [ -n "$unformatted" ]; then
	echo "gofmt would change:" $unformatted
	status=1
fi
go vet ./... || status=1
tagged=$(grep -rl --include='*_test.go' '^//go:build services' layers datasets checkpoints viz m6 tasks scripts notebooks | xargs -r -n1 dirname | sort -u | sed 's|^|./|')
[ -z "$tagged" ] || go vet -tags services $tagged || status=1
go vet -tags clouds ./scripts/m6 ./scripts/corpus || status=1
if pkg-config --exists ompi-c 2>/dev/null; then
	go vet -tags mpi ./m6/hosts || status=1
fi
install() { GOBIN="$PWD/.cache/bin" go install "$1"; }
install honnef.co/go/tools/cmd/staticcheck@v0.8.2 && .cache/bin/staticcheck ./... || status=1
install golang.org/x/vuln/cmd/govulncheck@v1.9.0 || status=1

# A small package first: whether the database answers shows there in a second.
findings=$(mktemp)
.cache/bin/govulncheck ./datasets >"$findings" 2>&1 && .cache/bin/govulncheck ./... >"$findings" 2>&1
case $? in
0) echo "govulncheck: no vulnerability reaches this code" ;;
3)
	cat "$findings"
	status=1
	;;
*) echo "govulncheck: not run, $(tail -n 1 "$findings")" ;;
esac
rm -f "$findings"
[ $status -eq 0 ] && echo "check: nothing found"
exit $status
