package fetch

import "fmt"

// Reasons of a Failure.
const (
	ReasonOff         = "fetching is off"
	ReasonAddress     = "bad address"
	ReasonScheme      = "neither http nor https"
	ReasonPrivate     = "private address"
	ReasonRobots      = "robots.txt"
	ReasonRedirects   = "too many redirects"
	ReasonLarge       = "too large"
	ReasonEmpty       = "empty"
	ReasonNoPicture   = "no picture"
	ReasonGone        = "not found" // status 404 and 410
	ReasonRefused     = "refused"   // other status codes of 4xx
	ReasonServer      = "server error"
	ReasonBusy        = "too many requests" // 429, or 503 with Retry-After
	ReasonName        = "no such host"
	ReasonConnect     = "no connection"
	ReasonTLS         = "bad certificate"
	ReasonTimeout     = "timeout"
	ReasonShort       = "body cut short"
	ReasonHost        = "host given up"
	ReasonCacheBroken = "cache broken" // the journal names bytes that the folder no longer holds
)

// Failure is why an address gave no picture.
type Failure struct {
	Reason    string // one of the Reason constants
	URL       string
	Detail    string // the status code, the media type, what the network said; for people
	Transient bool   // another run may have more luck

	final bool // another try of this run has none
}

// Error is one line.
func (f *Failure) Error() string {
	if f.Detail == "" {
		return fmt.Sprintf("fetch %.300s: %s", f.URL, f.Reason)
	}
	return fmt.Sprintf("fetch %.300s: %s (%.200s)", f.URL, f.Reason, f.Detail)
}
