package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// reply is what one request brought.
type reply struct {
	status   int
	location *url.URL // of a redirect
	after    time.Duration
	said     bool // whether the host said when to come again
	body     []byte
}

// wanted is what a request asks for.
type wanted struct {
	accept string // media types
	limit  int    // bytes of the body
	prefix bool   // the beginning is enough where there is more
}

var (
	errStall = errors.New("no byte for too long")
	errLong  = errors.New("the request took too long")
)

func itoa(n int) string { return strconv.Itoa(n) }

// fetch gets a picture with redirects and tries. The error is a *Failure or the context's.
func (f *Fetcher) fetch(ctx context.Context, u *url.URL) (data []byte, media string, err error) {
	wait := milliseconds(f.o.BackoffMS)
	for try := 1; ; try++ {
		var after time.Duration
		data, media, after, err = f.follow(ctx, u)
		failure, ok := err.(*Failure)
		if !ok || !failure.Transient || failure.final || try >= f.o.Tries {
			return data, media, err
		}
		after = max(after, wait)
		if after > milliseconds(f.o.MostWaitMS) {
			failure.Detail += ", asks to wait " + after.Truncate(time.Second).String()
			return nil, "", failure
		}
		if err := sleep(ctx, after); err != nil {
			return nil, "", err
		}
		wait *= 2
	}
}

// follow makes one try: the request and its redirects.
func (f *Fetcher) follow(ctx context.Context, u *url.URL) (data []byte, media string, after time.Duration, err error) {
	for hop := 0; ; hop++ {
		if failure := admit(u); failure != nil {
			return nil, "", 0, failure
		}
		r, err := f.visit(ctx, u)
		if err != nil {
			return nil, "", r.after, err
		}
		if r.location == nil {
			media, failure := f.judge(u, r.body)
			if failure != nil {
				return nil, "", 0, failure
			}
			return r.body, media, 0, nil
		}
		if hop >= f.o.Redirects {
			return nil, "", 0, &Failure{Reason: ReasonRedirects, URL: u.String(), Detail: itoa(hop + 1)}
		}
		u = r.location
	}
}

// visit makes one request, if the host may be asked, and turns its status into a failure.
func (f *Fetcher) visit(ctx context.Context, u *url.URL) (r reply, err error) {
	h, done := f.host(u)
	defer done()
	if h.givenUp(f.o.HostFaults) {
		return r, &Failure{Reason: ReasonHost, URL: u.String(), Detail: "failed " + itoa(f.o.HostFaults) + " times in a row", Transient: true, final: true}
	}
	if err := f.allowed(ctx, h, u); err != nil {
		return r, err
	}
	r, err = f.request(ctx, h, u, wanted{accept: "image/webp,image/png,image/jpeg,image/gif,image/*;q=0.8,*/*;q=0.1", limit: f.o.Bytes})
	if err == nil && r.location == nil {
		if failure := ofStatus(u, &r); failure != nil {
			err = failure
		}
	}
	if failure, ok := err.(*Failure); ok || err == nil {
		h.ended(failure)
	}
	if r.said {
		h.delay(min(r.after, milliseconds(f.o.MostWaitMS)))
	}
	return r, err
}

// ofStatus returns the failure that a status is, nil for 200.
func ofStatus(u *url.URL, r *reply) *Failure {
	failure := &Failure{URL: u.String(), Detail: "status " + itoa(r.status)}
	switch {
	case r.status == http.StatusOK:
		if len(r.body) == 0 {
			failure.Reason = ReasonEmpty
			return failure
		}
		return nil
	case r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable && r.said:
		failure.Reason, failure.Transient = ReasonBusy, true
	case r.status == http.StatusNotFound || r.status == http.StatusGone:
		failure.Reason = ReasonGone
	case r.status == http.StatusRequestTimeout || r.status == http.StatusTooEarly:
		failure.Reason, failure.Transient = ReasonServer, true
	case r.status >= 500 && r.status != http.StatusNotImplemented && r.status != http.StatusHTTPVersionNotSupported:
		failure.Reason, failure.Transient = ReasonServer, true
	case r.status >= 500:
		failure.Reason = ReasonServer
	default:
		failure.Reason = ReasonRefused
	}
	return failure
}

// request sends one request and reads its body up to a limit. The error is a *Failure or the context's; a reply with a status of its own is
// none.
func (f *Fetcher) request(ctx context.Context, h *host, u *url.URL, want wanted) (r reply, err error) {
	if err := f.enter(ctx, h); err != nil {
		return r, err
	}
	defer f.leave(h)
	own, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	long := time.AfterFunc(milliseconds(f.o.TimeoutMS), func() { cancel(errLong) })
	defer long.Stop()
	stall := time.AfterFunc(milliseconds(f.o.StallMS), func() { cancel(errStall) })
	defer stall.Stop()

	req, err := http.NewRequestWithContext(own, http.MethodGet, u.String(), nil)
	if err != nil {
		return r, &Failure{Reason: ReasonAddress, URL: u.String(), Detail: "cannot be requested"}
	}
	req.Header.Set("User-Agent", f.o.Agent)
	req.Header.Set("Accept", want.accept)
	resp, err := f.web.RoundTrip(req)
	if err != nil {
		return r, ofError(ctx, own, u, err)
	}
	defer resp.Body.Close()
	stall.Reset(milliseconds(f.o.StallMS))
	r.status = resp.StatusCode
	r.after, r.said = retryAfter(resp.Header.Get("Retry-After"))
	if to := resp.Header.Get("Location"); to != "" && redirects(r.status) {
		next, err := u.Parse(to)
		if err != nil {
			return r, &Failure{Reason: ReasonAddress, URL: u.String(), Detail: "redirects to what is no address"}
		}
		next.Fragment, next.RawFragment, next.User = "", "", nil
		next.Host = strings.ToLower(next.Host)
		r.location = next
		return r, nil
	}
	if r.status < 200 || r.status > 299 {
		return r, nil // its body is of no use; the connection is given up with it
	}
	if resp.ContentLength > int64(want.limit) && !want.prefix {
		return r, &Failure{Reason: ReasonLarge, URL: u.String(), Detail: "says " + strconv.FormatInt(resp.ContentLength, 10) + " bytes"}
	}
	r.body, err = readBody(resp.Body, want.limit, func() { stall.Reset(milliseconds(f.o.StallMS)) })
	switch {
	case errors.Is(err, errTooLong) && want.prefix:
	case errors.Is(err, errTooLong):
		return r, &Failure{Reason: ReasonLarge, URL: u.String(), Detail: "more than " + itoa(want.limit) + " bytes"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return r, &Failure{Reason: ReasonShort, URL: u.String(), Detail: itoa(len(r.body)) + " bytes", Transient: true}
	case err != nil:
		return r, ofError(ctx, own, u, err)
	}
	return r, nil
}

func redirects(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

var errTooLong = errors.New("too long")

// readBody reads up to limit bytes and calls progress for every piece. It never allocates by what a header claims.
func readBody(body io.Reader, limit int, progress func()) ([]byte, error) {
	var out []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			progress()
			keep := min(n, limit-len(out))
			out = append(out, buf[:keep]...)
			if keep < n {
				return out, errTooLong
			}
		}
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
	}
}

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(v string) (d time.Duration, ok bool) {
	if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && n >= 0 {
		return time.Duration(min(n, 1<<30)) * time.Second, true
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at)), true
	}
	return 0, false
}

// ofError turns what the network said into a failure; the end of the caller's context is not one.
func ofError(ctx, own context.Context, u *url.URL, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure := &Failure{URL: u.String(), Detail: short(err), Transient: true}
	var name *net.DNSError
	var timeout net.Error
	var unknown x509.UnknownAuthorityError
	var wrong x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	switch cause := context.Cause(own); {
	case errors.Is(err, errPrivate):
		failure.Reason, failure.Transient = ReasonPrivate, false
	case cause == errStall || cause == errLong:
		failure.Reason, failure.Detail = ReasonTimeout, cause.Error()
	case errors.As(err, &name):
		failure.Reason, failure.Detail, failure.Transient = ReasonName, "", !name.IsNotFound
	case errors.As(err, &unknown), errors.As(err, &wrong), errors.As(err, &invalid), errors.As(err, &verify):
		failure.Reason, failure.Transient = ReasonTLS, false
	case errors.As(err, &timeout) && timeout.Timeout():
		failure.Reason = ReasonTimeout
	default:
		failure.Reason = ReasonConnect
	}
	return failure
}

// short returns the innermost message of an error: the outer ones repeat the address, and ports differ from run to run.
func short(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// judge returns the media type of a body by its first bytes, or a failure where it is no picture.
func (f *Fetcher) judge(u *url.URL, body []byte) (media string, failure *Failure) {
	media, _, _ = strings.Cut(http.DetectContentType(body), ";")
	switch media {
	case "image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp":
		return media, nil
	}
	if f.o.Any {
		return media, nil
	}
	return "", &Failure{Reason: ReasonNoPicture, URL: u.String(), Detail: media}
}
