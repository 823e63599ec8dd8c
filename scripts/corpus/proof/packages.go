package main

import (
	"bufio"
	"compress/gzip"
	"os"
	"path/filepath"
	"regexp"

	"m6lab/scripts/sample/origin"
)

// The packages beside those of the built-in sample. All of them are fetched by their clients and used as they are unpacked.
var (
	officeMedia = origin.Package{Client: "apt-get", Name: "libreoffice-help-common", Version: "4:7.4.7-1+deb12u14",
		SHA256: "cb2614d0d6c55d58ad3a20b6d788ca93df8f4c70baeec269f078aa8ab3100f86", Licence: "MPL-2.0"}
	manualPages = origin.Package{Client: "apt-get", Name: "manpages-zh", Version: "1.6.4.0-1",
		SHA256: "81bae29495f6445db290e3f329f1203eb19b651c2a7ea165b74ebdc853a32ac1", Licence: "GFDL-1.2+"}
	handbook = origin.Package{Client: "apt-get", Name: "debian-handbook", Version: "11.20220922",
		SHA256: "3d5dbeac1f1afc9c094eab9d0f701f6ecff99c4927d5a4794cf6c85678134faa", Licence: "GPL-2.0+ or CC-BY-SA-3.0"}
	circuits = origin.Package{Client: "apt-get", Name: "kicad-doc-zh", Version: "6.0.11+dfsg-1",
		SHA256: "c904386f9152d1acb79aec9a85bdaec1e9901ade73a296b44b5e84763eedf245", Licence: "GPL-3+"}
)

// used is a package as the manifest names it.
type used struct {
	Name    string `json:"name"`
	Client  string `json:"client"`
	Version string `json:"version"`
	Pinned  bool   `json:"pinned"` // the version that this program was written with
	Licence string `json:"licence"`
}

// fetch returns a package's folder; tests have their own.
type fetch func(origin.Package) (string, error)

// shelf keeps what was fetched and what could not be.
type shelf struct {
	fetch   fetch
	used    []used
	missing map[string]string // package to reason
	folders map[string]string
}

// folder is the package's folder; "" when it cannot be had here, which the manifest says.
func (s *shelf) folder(p origin.Package) string {
	if dir, ok := s.folders[p.Name]; ok {
		return dir
	}
	dir, err := s.fetch(p)
	if err != nil {
		s.missing[p.Name] = err.Error()
		s.folders[p.Name] = ""
		return ""
	}
	s.folders[p.Name] = dir
	version := p.Version
	if p.Client == "apt-get" {
		version = debianVersion(dir, p.Name, p.Version)
	}
	s.used = append(s.used, used{p.Name, p.Client, version, version == p.Version, p.Licence})
	return dir
}

var changelogHead = regexp.MustCompile(`^\S+ \(([^)]+)\)`)

// debianVersion reads the version that a package's change log begins with; other, where it has none.
func debianVersion(dir, name, other string) string {
	for _, file := range []string{"changelog.Debian.gz", "changelog.gz"} {
		f, err := os.Open(filepath.Join(dir, "usr/share/doc", name, file))
		if err != nil {
			continue
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			continue
		}
		line, _ := bufio.NewReader(z).ReadString('\n')
		if m := changelogHead.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return other
}

// clients fetches with npm and apt-get into a cache folder.
func clients(cache string) fetch {
	return origin.Fetcher{Cache: cache, Log: os.Stderr}.Fetch
}
