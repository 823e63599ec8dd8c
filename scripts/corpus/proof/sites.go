package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"m6lab/scripts/sample/origin"
)

// page is one document of a site as its server has it, in UTF-8.
type page struct {
	address     string
	html        string
	traditional bool // its own charset would be Big5
}

// site is a folder of a package behind an address of a reserved domain (RFC 2606).
type site struct {
	root  string                                   // address of the folder, ending in "/"
	pages []page                                   // in the order of their addresses
	load  func(name string) (data []byte, ok bool) // a file by its name below root
}

// crawl is what one set of WARC files holds.
type crawl struct {
	name, row string
	sites     []site
}

// crawls reads the sites of the packages that can be had.
func crawls(s *shelf, more bool) ([]crawl, error) {
	read := []func(*shelf) ([]site, error){readManuals, readReference}
	manuals := crawl{name: "manuals", row: "common_crawl"}
	guides := crawl{name: "guides", row: "web"}
	for _, f := range read {
		sites, err := f(s)
		if err != nil {
			return nil, err
		}
		manuals.sites = append(manuals.sites, sites...)
	}
	read = []func(*shelf) ([]site, error){readHelp, readHandbook}
	if more {
		read = append(read, readCircuits)
	}
	for _, f := range read {
		sites, err := f(s)
		if err != nil {
			return nil, err
		}
		guides.sites = append(guides.sites, sites...)
	}
	return []crawl{manuals, guides}, nil
}

// folderSite is the HTML below dir, with names for pictures looked up in dirs in turn.
func folderSite(root, dir string, keep func(name string) bool, traditional bool, dirs ...string) (site, error) {
	s := site{root: root, load: loader(dirs)}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".html" {
			return err
		}
		name, err := filepath.Rel(dirs[0], file)
		if err != nil {
			return err
		}
		if name = filepath.ToSlash(name); keep != nil && !keep(name) {
			return nil
		}
		data, err := os.ReadFile(file)
		s.pages = append(s.pages, page{address: root + name, html: string(data), traditional: traditional})
		return err
	})
	return s, err
}

func loader(dirs []string) func(string) ([]byte, bool) {
	return func(name string) ([]byte, bool) {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, false
		}
		for _, dir := range dirs {
			if data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))); err == nil {
				return data, true
			}
		}
		return nil, false
	}
}

// readHelp is the office suite's help. Its pictures lie in two packages; one that has a Chinese version is served in it.
func readHelp(s *shelf) ([]site, error) {
	dir := s.folder(origin.OfficeHelp)
	if dir == "" {
		return nil, nil
	}
	help := filepath.Join(dir, "usr/share/libreoffice/help")
	dirs := []string{help}
	if media := s.folder(officeMedia); media != "" {
		dirs = append(dirs, filepath.Join(media, "usr/share/libreoffice/help"))
	}
	out, err := folderSite("https://help.office.example/", filepath.Join(help, "zh-CN/text"), nil, false, dirs...)
	if err != nil {
		return nil, err
	}
	plain := out.load
	out.load = func(name string) ([]byte, bool) {
		if data, ok := plain(path.Join(path.Dir(name), "zh-CN", path.Base(name))); ok {
			return data, true
		}
		return plain(name)
	}
	return []site{out}, nil
}

// readHandbook is the administrator's handbook, simplified and traditional.
func readHandbook(s *shelf) ([]site, error) {
	dir := s.folder(handbook)
	if dir == "" {
		return nil, nil
	}
	var out []site
	for _, language := range []string{"zh-CN", "zh-TW"} {
		folder := filepath.Join(dir, "usr/share/doc/debian-handbook/html", language)
		if _, err := os.Stat(folder); err != nil {
			continue
		}
		one, err := folderSite("http://handbook.example/browse/"+language+"/", folder, nil, language == "zh-TW", folder)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// readCircuits is the manual of the circuit editor.
func readCircuits(s *shelf) ([]site, error) {
	dir := s.folder(circuits)
	if dir == "" {
		return nil, nil
	}
	folder := filepath.Join(dir, "usr/share/doc/kicad/help/zh")
	one, err := folderSite("https://docs.circuits.example/zh/", folder, nil, false, folder)
	return []site{one}, err
}

// readReference is the Debian reference.
func readReference(s *shelf) ([]site, error) {
	dir := s.folder(origin.DebianReference)
	if dir == "" {
		return nil, nil
	}
	folder := filepath.Join(dir, "usr/share/debian-reference")
	one, err := folderSite("https://reference.example/doc/", folder, nil, false, folder)
	return []site{one}, err
}

// readManuals turns the manual pages into HTML, as the sites of manual pages do.
func readManuals(s *shelf) ([]site, error) {
	dir := s.folder(manualPages)
	if dir == "" {
		return nil, nil
	}
	var out []site
	for _, language := range []string{"zh_CN", "zh_TW"} {
		one := site{root: "http://man.example/" + language + "/", load: loader(nil)}
		files, err := filepath.Glob(filepath.Join(dir, "usr/share/man", language, "man*", "*.gz"))
		if err != nil {
			return nil, err
		}
		slices.Sort(files)
		for _, file := range files {
			info, err := os.Lstat(file)
			if err != nil {
				return nil, err
			}
			if !info.Mode().IsRegular() {
				continue // another name of a page
			}
			source, err := gunzip(file)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
			}
			title, body, ok := manual(source, 0)
			if !ok {
				continue // a page that only names another
			}
			name := path.Base(path.Dir(filepath.ToSlash(file))) + "/" + strings.TrimSuffix(filepath.Base(file), ".gz") + ".html"
			one.pages = append(one.pages, page{address: one.root + name, html: manualHTML(language, title, body), traditional: language == "zh_TW"})
		}
		out = append(out, one)
	}
	return out, nil
}

func gunzip(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(z, 16<<20))
	return string(data), err
}

// manualHTML puts a page into the frame that such a site has: navigation before it, a notice behind it.
func manualHTML(language, title, body string) string {
	nav, notice := "首页 | 章节 | 索引 | 关于本站", "本页由手册页的源文件转换而成。"
	if language == "zh_TW" {
		nav, notice = "首頁 | 章節 | 索引 | 關於本站", "本頁由手冊頁的原始檔轉換而成。"
	}
	return `<!DOCTYPE html>
<html lang="` + strings.ReplaceAll(language, "_", "-") + `"><head><meta charset="utf-8"><title>` + title + `</title>
<link rel="license" href="https://www.gnu.org/licenses/fdl-1.2.html">
<style>body{font-family:serif}dt{font-weight:bold}</style></head>
<body><div class="nav"><a href="/">` + nav + `</a></div>
<div id="content"><h1>` + title + "</h1>\n" + body + `</div>
<div class="footer"><script>var page="` + title + `";</script>` + notice + `</div></body></html>
`
}

var (
	baseTag  = regexp.MustCompile(`<base\s+href="([^"]*)"`)
	imageTag = regexp.MustCompile(`<img\b[^>]*?\ssrc="([^"]*)"`)
)

// pictures are the absolute addresses of a page's pictures, in order, each once.
func (p page) pictures() []string {
	base, err := url.Parse(p.address)
	if err != nil {
		return nil
	}
	if m := baseTag.FindStringSubmatch(p.html); m != nil {
		if u, err := base.Parse(m[1]); err == nil {
			base = u
		}
	}
	var out []string
	for _, m := range imageTag.FindAllStringSubmatch(p.html, -1) {
		u, err := base.Parse(m[1])
		if err == nil && !slices.Contains(out, u.String()) {
			out = append(out, u.String())
		}
	}
	return out
}
