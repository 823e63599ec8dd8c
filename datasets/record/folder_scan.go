package record

import (
	"bytes"
	"fmt"
	stdimage "image"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	"m6lab/datasets"
	"m6lab/datasets/image"
)

// item is a row to be: where it lies, and hashes of what it holds. Its content is read again when it is written.
type item struct {
	kind    itemKind
	file    string // relative to the folder, with slashes, like all names here
	line    int    // of the file, from 1; 0 for a caption file
	offset  int64
	size    int
	picture string // file of the picture, "" for none
	content xxh3.Uint128
	texts   []xxh3.Uint128 // of the texts that must not lie in two splits
}

// name is the item's id.
func (it *item) name() string {
	if it.kind == captionFile {
		return it.picture
	}
	return fmt.Sprintf("%s:%d", it.file, it.line)
}

// pictureFile is what is known of a picture.
type pictureFile struct {
	used bool         // by a row
	key  xxh3.Uint128 // hash of the file
	why  *leftOut     // nil where it is good
}

// collector gathers the items of a folder.
type collector struct {
	root     *os.Root
	source   string
	o        FolderOptions
	report   *FolderReport
	pictures map[string]*pictureFile
	texts    map[string]bool // .txt files; true for captions
	tables   []string        // .jsonl files
	items    []item
}

var pictureEndings = []string{".png", ".jpg", ".jpeg", ".gif", ".webp"}

// collect finds all items that can become rows.
func (c *collector) collect() error {
	if err := fs.WalkDir(c.root.FS(), ".", c.visit); err != nil {
		return fmt.Errorf("walking through the folder of data: %w", err)
	}
	names := slices.Sorted(maps.Keys(c.pictures))
	for _, name := range names {
		c.pair(name)
	}
	for _, name := range c.tables {
		c.readItems(name, c.table)
	}
	for _, name := range slices.Sorted(maps.Keys(c.texts)) {
		if !c.texts[name] {
			c.readItems(name, c.text)
		}
	}
	c.checkPictures()
	for _, name := range names {
		if !c.pictures[name].used {
			c.leave(name, leftOut{reason: LeftNoCaption})
		}
	}
	c.settle()
	return nil
}

// visit sorts one file by its kind.
func (c *collector) visit(name string, d fs.DirEntry, err error) error {
	switch {
	case err != nil && name == ".":
		return err
	case err != nil:
		c.leave(name, leftOut{LeftUnreadable, err.Error()})
		return nil
	case name == ".":
		return nil
	case !utf8.ValidString(name):
		c.leave(fmt.Sprintf("%q", name), leftOut{LeftEncoding, "the file's name; rename it"})
	case strings.HasPrefix(d.Name(), "."):
		c.leave(name, leftOut{reason: LeftHidden})
	case d.IsDir():
		return nil
	default:
		if why := c.regular(name, d); why != nil {
			c.leave(name, *why)
			return nil
		}
		c.sort(name)
		return nil
	}
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// regular returns why a file is not to be opened: a link out of the folder, a device.
func (c *collector) regular(name string, d fs.DirEntry) *leftOut {
	mode := d.Type()
	if mode&fs.ModeSymlink != 0 {
		info, err := c.root.Stat(name)
		switch _, outside := filepath.EvalSymlinks(filepath.Join(c.source, filepath.FromSlash(name))); {
		case err != nil && outside != nil:
			return &leftOut{LeftUnreadable, "a link to nowhere"}
		case err != nil:
			return &leftOut{LeftLink, "what it names lies outside"}
		case info.IsDir():
			return &leftOut{LeftLink, "it names a folder"}
		}
		mode = info.Mode()
	}
	if !mode.IsRegular() {
		return &leftOut{LeftKind, "not a regular file"}
	}
	return nil
}

// sort puts a regular file where it belongs.
func (c *collector) sort(name string) {
	ending := path.Ext(name)
	switch lower := strings.ToLower(ending); {
	case slices.Contains(pictureEndings, lower):
		c.pictures[name] = &pictureFile{}
	case lower == ".txt":
		c.texts[name] = false
	case lower == ".jsonl":
		c.tables = append(c.tables, name)
	default:
		c.leave(name, leftOut{reason: LeftKind})
	}
}

// pair adds a picture with the captions in the .txt file of its stem.
func (c *collector) pair(picture string) {
	stem := strings.TrimSuffix(picture, path.Ext(picture))
	for _, name := range []string{stem + ".txt", stem + ".TXT"} {
		if _, there := c.texts[name]; !there {
			continue
		}
		c.texts[name] = true
		c.pictures[picture].used = true
		c.readItems(name, func(name string, f io.ReadSeeker) error {
			raw, err := io.ReadAll(io.LimitReader(f, int64(c.o.MaxText)+1))
			if err == nil {
				c.add(item{kind: captionFile, file: name, size: len(raw), picture: picture}, raw)
			}
			return err
		})
		return
	}
}

// readItems opens a file for read, which adds its items.
func (c *collector) readItems(name string, read func(name string, f io.ReadSeeker) error) {
	f, err := c.root.Open(name)
	if err == nil {
		err = read(name, f)
		_ = f.Close() // opened for reading only: nothing can be lost
	}
	if err != nil {
		c.leave(name, leftOut{LeftUnreadable, err.Error()})
	}
}

// table adds the lines of a .jsonl file.
func (c *collector) table(name string, f io.ReadSeeker) error {
	return eachLine(f, c.o.MaxText, func(l textLine) {
		if len(bytes.TrimSpace(l.data)) > 0 || l.long {
			c.add(item{kind: jsonLine, file: name, line: l.number, offset: l.offset, size: int(l.size)}, l.data)
		}
	})
}

// text adds the paragraphs of a .txt file, or its lines where no empty line divides it.
func (c *collector) text(name string, f io.ReadSeeker) error {
	form, err := c.textForm(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	if form.why != nil {
		c.leave(name, *form.why)
		return nil
	}
	var open item // the paragraph so far; size 0 for none
	var raw []byte
	end := func() {
		if open.size > 0 {
			c.add(open, raw)
		}
		open, raw = item{}, raw[:0]
	}
	err = eachLine(f, c.o.MaxText, func(l textLine) {
		if !l.long && blank(l.data) {
			end()
			return
		}
		if open.size == 0 || !form.paragraphs {
			end()
			open = item{kind: paragraph, file: name, line: l.number, offset: l.offset}
		}
		open.size = int(l.offset + l.size - open.offset)
		if open.size > c.o.MaxText {
			return // add will leave it out
		}
		if len(raw) > 0 {
			raw = append(raw, '\n')
		}
		raw = append(raw, l.data...)
	})
	end()
	return err
}

// textForm is what a first look at a .txt file says.
type textForm struct {
	paragraphs bool     // an empty line stands between two that are not
	why        *leftOut // nil where it is text
}

func (c *collector) textForm(f io.Reader) (textForm, error) {
	var form textForm
	some, gap := false, false
	err := eachLine(f, c.o.MaxText, func(l textLine) {
		if at := invalidAt(string(l.data)); at >= 0 && !l.long && form.why == nil {
			form.why = &leftOut{LeftEncoding, fmt.Sprintf("line %d; convert it, as with iconv -f GB18030 -t UTF-8", l.number)}
		}
		if blank(l.data) {
			gap = some
			return
		}
		form.paragraphs = form.paragraphs || gap
		some = true
	})
	if err == nil && !some {
		form.why = &leftOut{reason: LeftEmpty}
	}
	return form, err
}

// blank reports whether a line holds nothing but white space.
func blank(line []byte) bool { return len(bytes.TrimSpace(bytes.TrimPrefix(line, byteOrderMark))) == 0 }

// add takes an item with the content raw, or leaves it out.
func (c *collector) add(it item, raw []byte) {
	if it.size > c.o.MaxText {
		c.leave(it.name(), leftOut{LeftLarge, fmt.Sprintf("more than %d bytes of text", c.o.MaxText)})
		return
	}
	ex, picture, why := parse(it.kind, raw)
	if why == nil && picture != "" {
		it.picture, why = c.find(it.file, picture)
	}
	if why != nil {
		c.leave(it.name(), *why)
		return
	}
	it.content = contentKey(&ex)
	it.texts = textKeys(&ex, it.picture != "")
	c.items = append(c.items, it)
}

// find returns the file that a line of a table names as its picture.
func (c *collector) find(table, picture string) (string, *leftOut) {
	name := path.Join(path.Dir(table), filepath.ToSlash(picture))
	if path.IsAbs(filepath.ToSlash(picture)) || !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", &leftOut{LeftOutside, picture}
	}
	p := c.pictures[name]
	if p == nil { // it has another ending, is left out itself, or is not there
		p = &pictureFile{}
		info, err := c.root.Stat(name)
		switch {
		case err != nil:
			return "", c.missing(name)
		case !info.Mode().IsRegular():
			return "", &leftOut{LeftMissing, name + " is not a file"}
		}
		c.pictures[name] = p
	}
	p.used = true
	return name, nil
}

// missing says why a picture cannot be opened.
func (c *collector) missing(name string) *leftOut {
	if _, err := filepath.EvalSymlinks(filepath.Join(c.source, filepath.FromSlash(name))); err == nil {
		return &leftOut{LeftLink, name}
	}
	return &leftOut{LeftMissing, name}
}

// checkPictures decodes the pictures of all items, several at a time.
func (c *collector) checkPictures() {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for name, p := range c.pictures {
		if p.used {
			g.Go(func() error {
				p.key, p.why = c.checkPicture(name)
				return nil
			})
		}
	}
	_ = g.Wait() // what goes wrong is in the pictures
}

// checkPicture returns the hash of a picture, or why it cannot be taken.
func (c *collector) checkPicture(name string) (key xxh3.Uint128, why *leftOut) {
	info, err := c.root.Stat(name)
	if err == nil && info.Size() > int64(c.maxPicture()) {
		return key, &leftOut{LeftLarge, fmt.Sprintf("%d bytes, the limit is %d", info.Size(), c.maxPicture())}
	}
	data, err := c.root.ReadFile(name)
	if err != nil {
		return key, &leftOut{LeftUnreadable, err.Error()}
	}
	if size, _, err := stdimage.DecodeConfig(bytes.NewReader(data)); err == nil && size.Width > 0 && size.Height > c.maxPixels()/size.Width {
		return key, &leftOut{LeftLarge, fmt.Sprintf("%d x %d pixels, the limit is %d", size.Width, size.Height, c.maxPixels())}
	}
	if _, err := image.Decode(data, c.o.Limits); err != nil {
		return key, &leftOut{LeftPicture, err.Error()}
	}
	return hash128(data), nil
}

// maxPicture and maxPixels are the limits of pictures; package image has the same defaults.
func (c *collector) maxPicture() int { return orDefault(c.o.Limits.Bytes, 64<<20) }
func (c *collector) maxPixels() int  { return orDefault(c.o.Limits.Pixels, 50_000_000) }

// settle leaves out the items whose picture is bad and those that repeat another.
func (c *collector) settle() {
	seen := map[xxh3.Uint128]int{}
	kept := c.items[:0]
	for _, it := range c.items {
		var picture xxh3.Uint128
		if it.picture != "" {
			p := c.pictures[it.picture]
			if p.why != nil {
				c.leave(it.name(), leftOut{p.why.reason, strings.TrimPrefix(it.picture+": ", it.name()+": ") + p.why.detail})
				continue
			}
			picture = p.key
		}
		key := join128(it.content, picture)
		if first, again := seen[key]; again {
			c.leave(it.name(), leftOut{LeftDuplicate, "the same as " + kept[first].name()})
			continue
		}
		seen[key] = len(kept)
		kept = append(kept, it)
	}
	c.items = kept
}

// hash128 is the hash by which contents are compared.
func hash128(data []byte) xxh3.Uint128 { return xxh3.Hash128(data) }

// join128 is the hash of two hashes.
func join128(a, b xxh3.Uint128) xxh3.Uint128 {
	x, y := a.Bytes(), b.Bytes()
	return xxh3.Hash128(append(x[:], y[:]...))
}

// contentKey is the hash of an example's texts.
func contentKey(ex *datasets.Example) xxh3.Uint128 {
	var b strings.Builder
	for _, s := range append([]string{ex.Text, ex.Question, ex.Answer}, ex.References...) {
		fmt.Fprintf(&b, "%d:%s", len(s), s)
	}
	return xxh3.HashString128(b.String())
}

// textKeys are the hashes, white space aside, of the texts of an example that must not lie in two splits. Questions about pictures may: the same
// few are asked about all of them.
func textKeys(ex *datasets.Example, pictured bool) []xxh3.Uint128 {
	texts := append([]string{ex.Text}, ex.References...)
	if !pictured {
		texts = append(texts, ex.Question)
	}
	var keys []xxh3.Uint128
	for _, s := range texts {
		if s = strings.Join(strings.Fields(s), ""); s != "" {
			keys = append(keys, xxh3.HashString128(s))
		}
	}
	return slices.Clip(keys)
}
