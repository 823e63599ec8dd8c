// Package fetch gets pictures by their addresses, politely: few at a time from one host, at most so many a second, and only what its
// robots.txt allows.
//
//	f, err := fetch.New(fetch.Options{...})
//	data, err := f.Get(ctx, "https://example.org/a.jpg")   // a *Failure says why not
//
// # The cache is an input
//
// What was fetched lies in a folder: bytes under the hash of their content, and a journal of every success and failure. Get answers from the
// journal what the journal knows, so a build that is run again reads the same bytes, whatever the web has become; failures are known too,
// and are tried again only where they were transient and a new run asks for it ([Options.Retry]).
//
// # Security
//
// Addresses come from strangers. Only http and https are fetched; a connection is made to public addresses only, which is checked on the
// address that is dialled, after the name is resolved, so that neither a redirect nor a name server that changes its answer reaches the
// machine's own network. Bodies are read up to a limit, whatever length they claim, redirects are counted, each hop is checked as the first,
// and no header or cookie of one host is sent to another.
package fetch
