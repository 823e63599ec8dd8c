package source

import (
	"errors"
	"io"
	"strings"
	"time"
)

// skippedKinds are the types of WARC records that are no documents.
var skippedKinds = map[string]string{"request": SkipRequest, "revisit": SkipRevisit, "metadata": SkipMetadata, "warcinfo": SkipInfo}

// readWARC reads the pages of a WARC or WET file, or its pictures where keys are wanted.
func (s *sink) readWARC(o object, in inspected) (err error) {
	w, err := newWARCReader(o, in.packing, s.part.Start, s.part.End, s.o.MaxDocument)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	var file uint32
	if s.keys != nil {
		file = s.keys.file(s.input, s.part.Address)
	}
	for {
		r, err := w.next()
		var bad *errRecord
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			err = s.fault(bad.reason, bad.where, bad.err)
		case err == nil && s.keys != nil:
			err = s.keys.record(r, file)
		case err == nil:
			err = s.warcRecord(r)
		}
		if err != nil {
			return err
		}
	}
}

// warcRecord makes a document of a record.
func (s *sink) warcRecord(r *warcRecord) error {
	where := r.where()
	if reason, skip := skippedKinds[r.kind]; skip {
		return s.fault(reason, where, nil)
	}
	d := &Document{Address: r.uri, Date: r.date}
	switch r.kind {
	case "conversion": // the plain text of WET
		var about response
		about.setMedia(r.media)
		switch {
		case about.page() == "":
			return s.fault(SkipMedia, where, errors.New(about.media))
		case r.large || len(r.block) > s.o.MaxDocument:
			return s.fault(FaultLarge, where, errTooLarge)
		}
		d.Media, d.Charset, d.Body = about.page(), "utf-8", append([]byte(nil), r.block...)
	case "response", "resource":
		page, err := parseResponse(r.block, r.media)
		if page.media == "" || strings.HasSuffix(page.media, "/octet-stream") && r.found != "" {
			page.media = r.found
		}
		switch {
		case err != nil:
			return s.fault(FaultHeader, where, err)
		case page.status != 200:
			return s.fault(SkipStatus, where, errors.New(statusText(page.status)))
		case page.page() == "" && page.picture():
			return s.fault(SkipPicture, where, nil)
		case page.page() == "" && len(page.coding) == 0:
			return s.fault(SkipMedia, where, errors.New(page.media))
		case r.large:
			return s.fault(FaultLarge, where, errTooLarge)
		}
		var bad *codingError
		if err := page.decode(s.o.MaxDocument, r.truncated); errors.As(err, &bad) {
			return s.fault(bad.reason, where, bad.err)
		}
		if d.Media = page.page(); d.Media == "" {
			return s.fault(SkipMedia, where, errors.New(page.media))
		}
		d.Charset, d.Body = page.charset, page.body
	default:
		return s.fault(SkipRecord, where, errors.New(r.kind))
	}
	if len(d.Body) == 0 {
		return s.fault(FaultEmpty, where, nil)
	}
	return s.document(d, where)
}

func statusText(status int) string {
	return string([]byte{byte('0' + status/100), byte('0' + status/10%10), byte('0' + status%10)})
}

// dateForms are the forms of dates that are understood; those without a zone are taken as UTC.
var dateForms = []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02", "2006/01/02 15:04:05", "2006/01/02",
	time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC, "20060102150405", "20060102", "2006-01", "2006年1月2日"}

// date returns a date as RFC 3339 in UTC, whole seconds; "" where the form is not known.
func date(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return ""
	}
	for _, form := range dateForms {
		if t, err := time.Parse(form, s); err == nil {
			return inUTC(t)
		}
	}
	return ""
}

func inUTC(t time.Time) string {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return ""
	}
	return t.Format(time.RFC3339)
}
