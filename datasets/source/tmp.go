package source

import "regexp"

var blankLine = regexp.MustCompile(`\n[ \t\r]*\n`)

func validTarHeader(b []byte) bool                                  { return false }
func groupCuts(o object, target int64) []cut                        { return nil }
func nextStream(o object, from, within int64) (int64, error)        { return -1, nil }
func (s *sink) readWiki(o object, in inspected) error               { return errFormat }
func (s *sink) readJSONL(o object, in inspected) error              { return errFormat }
func (s *sink) readText(o object, in inspected) error               { return errFormat }
func (s *sink) readParquet(o object) error                          { return errFormat }
func (s *sink) readTable(o object, in inspected, name string) error { return errFormat }
func (s *sink) readTar(o object, in inspected) error                { return errFormat }
func (s *sink) readHTML(o object, in inspected) error               { return errFormat }
func (s *sink) readPicture(o object, name string, f func()) error   { return errFormat }
