package policy_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// forbidden are texts that no file of the project contains; each is put together here, so that this
// file passes its own test.
var forbidden = []struct {
	why     string
	pattern *regexp.Regexp
}{
	{"a registry is reached through its client's configuration", regexp.MustCompile(
		`proxy\.golang` + `\.org|(?:files\.pythonhosted|pypi)` + `\.org|registry\.npmjs` + `\.org|deb\.debian` + `\.org|archive\.ubuntu` + `\.com|repo1?\.maven`)},
	{"paths of one machine are of no use on another", regexp.MustCompile(`/wo` + `rk/|\.\./sha` + `red|/ro` + `ot/|/home/[a-z]+/`)},
	{"unfinished work is finished or left out", regexp.MustCompile(`\bTO` + `DO\b|\bFIX` + `ME\b|not imple` + `mented|\bstu` + `b\b`)},
}

// leftAlone are files whose text is data or another's.
var leftAlone = regexp.MustCompile(`(?:^|/)(?:testdata|fonts|data)/|^go\.(?:mod|sum)$|^LICENSE$|NOTICE`)

func TestForbiddenTexts(t *testing.T) {
	for _, file := range files(t) {
		if leftAlone.MatchString(file) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(root(t), file))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(data, 0) >= 0 {
			continue // not text
		}
		for _, rule := range forbidden {
			for _, at := range rule.pattern.FindAllIndex(data, -1) {
				line := 1 + bytes.Count(data[:at[0]], []byte("\n"))
				t.Errorf("%s:%d contains %q: %s", file, line, data[at[0]:at[1]], rule.why)
			}
		}
	}
}

// TestSize: the whole repository stays small enough to clone for a lesson.
func TestSize(t *testing.T) {
	const limit = 60 << 20
	total := int64(0)
	for _, file := range files(t) {
		info, err := os.Stat(filepath.Join(root(t), file))
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
		if info.Size() > limit/3 {
			t.Errorf("%s has %d MB", file, info.Size()>>20)
		}
	}
	if total > limit {
		t.Errorf("the checkout has %d MB: want at most %d", total>>20, limit>>20)
	}
}

// TestPackageDocs: every package says what it is.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, read(t, file), parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(file)
		documented[folder] = documented[folder] || parsed.Doc != nil
	}
	for folder, has := range documented {
		if !has {
			t.Errorf("%s has no package comment", folder)
		}
	}
}
