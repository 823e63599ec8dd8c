package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// errPrivate is what a dial to an address that is not public ends with.
var errPrivate = errors.New("not a public address")

// newTransport returns a transport that dials public addresses only. It asks no proxy, which would dial for it, and follows no environment.
func newTransport(o Options) *http.Transport {
	dialer := &net.Dialer{Timeout: min(milliseconds(o.TimeoutMS), 15*time.Second), KeepAlive: 15 * time.Second}
	if !o.Private {
		// Control sees the address that is dialled, after the name was resolved.
		dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error { return public(address) }
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		DisableCompression:     true, // pictures are compressed; what is more is a bomb
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    o.PerHost,
		MaxConnsPerHost:        o.PerHost + 1,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  milliseconds(o.StallMS),
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// public returns an error unless address ("ip:port") is one of the public internet, and its port one of the web's or a high one.
func public(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q", errPrivate, address)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !publicIP(ip) {
		return fmt.Errorf("%w: %s", errPrivate, host)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1024 && n != 80 && n != 443 {
		return fmt.Errorf("%w: port %s", errPrivate, port)
	}
	return nil
}

// reserved are the networks beyond those that netip names: of the special-purpose registries of RFC 6890, and translations that lead back to
// IPv4.
var reserved = func() (list []netip.Prefix) {
	for _, s := range [...]string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10"} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

// publicIP reports whether ip is a unicast address of the public internet.
func publicIP(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() || !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}
