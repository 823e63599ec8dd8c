package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Part is a piece of the input that is read on its own: a file, a range of one, or a range of the small files of a folder. It is plain data.
type Part struct {
	Address string `json:"address"`          // a file; or a folder or pattern whose small files from First to Last are meant
	Format  string `json:"format,omitempty"` // one of the Format constants; "" is by name and content
	Source  string `json:"source,omitempty"` // the row of Table 1; "" is the format's default
	Start   int64  `json:"start,omitempty"`  // the part has the records that begin at Start or behind it and before End, in bytes of the file
	End     int64  `json:"end,omitempty"`    // as stored (row groups in Parquet); 0 is the end of the file
	First   string `json:"first,omitempty"`  // names below the folder, in the order of a walk, "%" and bytes that are not UTF-8 as %XX; "" is the first
	Last    string `json:"last,omitempty"`   // included; "" is the last
	Size    int64  `json:"size"`             // bytes of input, about
}

// small is the size up to which files of a folder are read together, in bytes.
const small = 1 << 20

// Plan cuts the inputs into parts of about target bytes each (0: 32 MiB) where their formats can be cut, in the order of the specs and of names.
// It looks at names, sizes and first bytes. A spec that names nothing is an error. The same inputs give the same parts.
func Plan(ctx context.Context, specs []Spec, target int64) ([]Part, error) {
	if target < 0 {
		return nil, fmt.Errorf("parts of %d bytes: want 5 to 50 MB, or 0 for the default", target)
	}
	var parts []Part
	for _, s := range specs {
		p := planner{ctx: ctx, spec: s, target: cmp.Or(target, 32<<20)}
		if err := p.plan(); err != nil {
			return nil, fmt.Errorf("input %s: %w", s.Address, err)
		}
		parts = append(parts, p.parts...)
	}
	return parts, nil
}

// planner makes the parts of one spec.
type planner struct {
	ctx    context.Context
	spec   Spec
	target int64
	store  store
	at     address
	parts  []Part
	open   Part // of small files, growing; Last "" for none
}

func (p *planner) plan() (err error) {
	if err := p.spec.validate(); err != nil {
		return err
	}
	if p.at, err = parseAddress(p.spec.Address); err != nil {
		return err
	}
	if p.store, err = openStore(p.ctx, p.at); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.store.Close()) }()
	if hasPattern(p.at.name) {
		return p.matches()
	}
	e, err := p.store.stat(p.ctx, p.at.name)
	if err != nil {
		return oneLine(err)
	}
	if e.dir {
		return p.folder(p.at)
	}
	return p.file(p.at, e.size, p.spec.Format)
}

// matches plans what a pattern finds: the small files together, the others and folders one by one.
func (p *planner) matches() error {
	found, err := glob(p.ctx, p.store, p.at.name)
	if err != nil {
		return oneLine(err)
	}
	if len(found) == 0 {
		return errors.New("the pattern fits no file")
	}
	for _, e := range found {
		switch {
		case e.dir:
			err = p.folder(p.at.with(e.name))
		case e.size > small && utf8.ValidString(e.name):
			err = p.file(p.at.with(e.name), e.size, p.spec.Format)
		default:
			p.add(p.at.String(), e.name, e.size)
		}
		if err != nil {
			return err
		}
	}
	p.flush()
	return nil
}

// folder plans a folder: its small files together, the others one by one.
func (p *planner) folder(at address) error {
	files := 0
	err := walk(p.ctx, p.store, at.name, "", "", func(dir *listing, rel string, e entry) error {
		files++
		if format, own := dir.role(e, p.spec.Format); own {
			if format == FormatText {
				format = p.spec.Format // lines or paragraphs: by content
			}
			return p.file(at.with(path.Join(at.name, rel)), e.size, format)
		}
		p.add(at.String(), rel, e.size)
		return nil
	})
	p.flush()
	if err == nil && files == 0 {
		err = fmt.Errorf("the folder %s is empty", at)
	}
	return oneLine(err)
}

// add takes a small file into the open part.
func (p *planner) add(folder, name string, size int64) {
	if p.open.Last == "" {
		p.open = Part{Address: folder, Format: cmp.Or(p.spec.Format, FormatFolder), Source: cmp.Or(p.spec.Source, DefaultSource(p.spec.Format)), First: plainName(name)}
	}
	p.open.Last = plainName(name)
	p.open.Size += max(size, 0) + 512 // a thousand empty files are work too
	if p.open.Size >= p.target {
		p.flush()
	}
}

func (p *planner) flush() {
	if p.open.Last != "" {
		p.parts = append(p.parts, p.open)
		p.open = Part{}
	}
}

// file plans one file.
func (p *planner) file(at address, size int64, format string) (err error) {
	o, err := p.store.open(p.ctx, at.name)
	if err != nil {
		return oneLine(err)
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	in, err := inspect(o, at.name, format)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	part := Part{Address: at.String(), Format: in.format, Source: cmp.Or(p.spec.Source, DefaultSource(in.format)), Size: size}
	cuts, err := p.cuts(o, in)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	for i := range len(cuts) - 1 {
		part.Start, part.End = cuts[i].at, cuts[i+1].at
		part.Size = cuts[i+1].bytes - cuts[i].bytes
		p.parts = append(p.parts, part)
	}
	if len(cuts) == 0 {
		p.parts = append(p.parts, part)
	}
	return nil
}

// cut is a place between two parts of a file.
type cut struct{ at, bytes int64 }

// cuts returns where a file is cut, its ends included; none where it is one part.
func (p *planner) cuts(o object, in inspected) ([]cut, error) {
	size := o.Size()
	if in.format == FormatParquet {
		return groupCuts(o, p.target), nil
	}
	n := (size + p.target/2) / p.target
	if n < 2 {
		return nil, nil
	}
	if ok, err := in.divisible(o, p.target); !ok || err != nil {
		return nil, err
	}
	cuts := make([]cut, n+1)
	for i := range cuts {
		at := size/n*int64(i) + size%n*int64(i)/n
		cuts[i] = cut{at, at}
	}
	return cuts, nil
}

// inspected is what the first bytes of a file tell.
type inspected struct {
	format  string
	packing string // ".gz", ".zst", ".bz2" or ""
}

// inspect finds the format of a file where it is not given.
func inspect(o object, name, format string) (inspected, error) {
	in := inspected{format: format}
	head := make([]byte, 8)
	n, err := o.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return in, err
	}
	in.packing = packingOf(head[:n])
	if in.format == "" || in.format == FormatFolder {
		in.format = formatOfName(name)
	}
	guessed := format == "" || format == FormatFolder
	if in.format != "" && !(guessed && in.format == FormatText) {
		return in, nil
	}
	head, err = firstBytes(o, small)
	if err != nil {
		return in, err
	}
	if in.format == "" {
		in.format = formatOfContent(head)
	}
	if in.format == "" {
		return in, errFormat
	}
	if in.format == FormatText && o.Size() > 64<<10 && !blankLine.Match(head) {
		in.format = FormatLines // no empty line divides it
	}
	return in, nil
}

// divisible reports whether a file can be read from its middle.
func (in inspected) divisible(o object, target int64) (bool, error) {
	switch in.format {
	case FormatWARC, FormatWET:
		if in.packing == ".gz" {
			return memberPerRecord(o)
		}
		return in.packing == "", nil
	case FormatWiki:
		if in.packing == ".bz2" {
			at, err := nextStream(o, 1, target)
			return at >= 0, err
		}
		return in.packing == "", nil
	case FormatJSONL:
		if in.packing != "" {
			return false, nil
		}
		list, err := isList(o)
		return !list, err
	case FormatLines, FormatText, FormatWebDataset:
		return in.packing == "", nil
	}
	return false, nil
}

// oneLine shortens the errors of the operating system, whose text names the path.
func oneLine(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: no such file or folder", p.Path)
	}
	return err
}

// Read reads a part. It yields a Document or an error for each record: a *[Fault] is of that record alone, any other error (a file that is not
// there, a failing disk, an ended context) is the last.
func Read(ctx context.Context, p Part, o Options) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		s := &sink{ctx: ctx, part: p, o: o.orDefault(), yield: yield}
		err := o.Validate()
		if err == nil {
			err = s.read()
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, fmt.Errorf("reading %s: %w", p.Address, oneLine(err)))
		}
	}
}

// sink is where the readers of the formats put what they find.
type sink struct {
	ctx   context.Context
	part  Part
	o     Options
	yield func(*Document, error) bool
	store store
	dir   string // of the file being read, where the names of pictures count from

	// of a file of a folder
	listing *listing // what lies beside it
	web     string   // its address

	keys  *CrawlKeys // pictures of archives are wanted and no documents; nil in reading
	input int        // number of the part's input, for keys
}

// document hands on a document whose ID, and Address where it has no other, are the file's name and where.
func (s *sink) document(d *Document, where string) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	d.ID = s.part.Address + where
	if d.Address == "" {
		d.Address = d.ID
	}
	switch {
	case s.part.Source != "":
		d.Source = s.part.Source
	case d.Source != "": // its own
	case d.Question != "" && d.Answer != "":
		d.Source = "community_qa"
	case len(d.Images) > 0:
		d.Source = "web"
	default:
		d.Source = "common_crawl"
	}
	if !s.yield(d, nil) {
		return errStopped
	}
	return nil
}

// fault hands on a record that gives no document.
func (s *sink) fault(reason, where string, err error) error {
	if e := s.ctx.Err(); e != nil || s.keys != nil {
		return e
	}
	if !s.yield(nil, &Fault{reason, strings.ToValidUTF8(s.part.Address, "\ufffd") + where, err}) {
		return errStopped
	}
	return nil
}

// read reads the part, whatever it is.
func (s *sink) read() (err error) {
	a, err := parseAddress(s.part.Address)
	if err != nil {
		return err
	}
	if s.store, err = openStore(s.ctx, a); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.store.Close()) }()
	if hasPattern(a.name) {
		return s.readMatches(a)
	}
	e, err := s.store.stat(s.ctx, a.name)
	if err != nil {
		return err
	}
	if e.dir {
		return s.readFolder(a)
	}
	return s.readFile(a)
}

// readFile reads one file, or the part of it.
func (s *sink) readFile(a address) (err error) {
	o, err := s.store.open(s.ctx, a.name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	in, err := inspect(o, a.name, s.part.Format)
	if err != nil {
		return err
	}
	if o.Size() == 0 {
		return s.fault(FaultEmpty, "", nil)
	}
	if s.part.Source == "" {
		s.part.Source = DefaultSource(in.format)
	}
	s.dir = path.Dir(a.name)
	if s.part.End <= 0 && in.format != FormatParquet {
		s.part.End = o.Size()
	}
	return s.readObject(o, in, a.name)
}

// readObject reads an open file by its format.
func (s *sink) readObject(o object, in inspected, name string) error {
	if s.keys != nil && in.format != FormatWARC {
		return nil
	}
	switch in.format {
	case FormatWARC, FormatWET:
		return s.readWARC(o, in)
	case FormatWiki:
		return s.readWiki(o, in)
	case FormatJSONL:
		return s.readJSONL(o, in)
	case FormatText, FormatLines, FormatTHUCTC:
		return s.readText(o, in)
	case FormatParquet:
		return s.readParquet(o)
	case FormatTable:
		return s.readTable(o, in, name)
	case FormatWebDataset:
		return s.readTar(o, in)
	case FormatHTML:
		return s.readHTML(o, in)
	case FormatPictures:
		return s.readPicture(o, name)
	}
	return fmt.Errorf("no format is called %s; want one of %s", in.format, strings.Join(Formats(), ", "))
}

// readMatches reads the small files that a pattern finds.
func (s *sink) readMatches(a address) error {
	found, err := glob(s.ctx, s.store, a.name)
	if err != nil {
		return err
	}
	whole, first, last := s.part, rawName(s.part.First), rawName(s.part.Last)
	fixed := a.name[:strings.IndexAny(a.name, "*?[")] // of the pattern
	fixed = fixed[:strings.LastIndexByte(fixed, '/')+1]
	for _, e := range found {
		valid := utf8.ValidString(e.name)
		if s.keys != nil && formatOfName(e.name) != FormatWARC && whole.Format != FormatWARC {
			continue
		}
		if e.dir || e.size > small && valid || first != "" && e.name < first || last != "" && e.name > last {
			continue
		}
		s.part = Part{Address: a.with(e.name).String(), Format: whole.Format, Source: whole.Source}
		if !valid {
			if err := s.fault(FaultFile, "", errName); err != nil {
				return err
			}
			continue
		}
		s.web = webAddress(strings.TrimPrefix(e.name, fixed))
		if err := s.readSmall(a.with(e.name), s.part.Format); err != nil {
			return err
		}
	}
	return nil
}

// readSmall reads one of many files: one that cannot be opened, or whose format is not known, is a fault.
func (s *sink) readSmall(a address, format string) error {
	s.part.Format = format
	err := s.readFile(a)
	var file *fs.PathError
	switch {
	case err == nil || errors.Is(err, errStopped) || s.ctx.Err() != nil:
		return err
	case errors.Is(err, errFormat):
		return s.fault(SkipKind, "", nil)
	case errors.As(err, &file):
		return s.fault(FaultFile, "", file.Err)
	}
	return err
}

// sortEntries puts entries into the order of their names.
func sortEntries(found []entry) {
	slices.SortFunc(found, func(x, y entry) int { return strings.Compare(x.name, y.name) })
}
