package checkpoints

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:///folder
	"gocloud.dev/gcerrors"
)

// Bucket holds copies of committed checkpoints in an object store. A copy is the objects of one checkpoint's files under a name that no
// other save has, its manifest last: what has no manifest is no checkpoint. Nothing is ever written over, so a copy that is cut off
// harms none that is there. One process writes at a time.
type Bucket struct {
	address string
	blob    *blob.Bucket
}

// OpenBucket opens file:///folder, or s3://bucket/prefix, gs://bucket/prefix, azblob://container/prefix where the program links the
// driver of gocloud.dev/blob for it; what follows a "?" is the driver's. The caller closes it.
func OpenBucket(ctx context.Context, address string) (*Bucket, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return nil, fmt.Errorf("object store %q: no address such as s3://bucket/prefix or file:///folder", address)
	}
	prefix := ""
	if u.Scheme == "file" {
		q := u.Query()
		q.Set("create_dir", "true")
		q.Set("no_tmp_dir", "true") // a rename from another disk would fail
		q.Set("metadata", "skip")
		u.RawQuery = q.Encode()
	} else if prefix = strings.Trim(u.Path, "/"); prefix != "" {
		u.Path = ""
		prefix += "/"
	}
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, fmt.Errorf("object store %s: %w", address, err)
	}
	if prefix != "" {
		b = blob.PrefixedBucket(b, prefix)
	}
	return &Bucket{address, b}, nil
}

// Close closes the connection.
func (b *Bucket) Close() error { return b.blob.Close() }

// wrap says of an error where it happened.
func (b *Bucket) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("object store %s: %w", b.address, err)
}

// Put copies a checkpoint's folder. Its files are open from the beginning, so that it may be removed meanwhile.
func (b *Bucket) Put(ctx context.Context, dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return b.wrap(err)
	}
	c, err := OpenCheckpoint(dir)
	if err != nil {
		return b.wrap(err)
	}
	defer c.Close()
	name := folderName(c.manifest.Step) + "." + checksum(text)[:8]
	for _, f := range c.manifest.Files {
		if err := b.upload(ctx, path.Join(name, f.Name), io.NewSectionReader(c.files[f.Name], 0, f.Size)); err != nil {
			return b.wrap(err)
		}
	}
	return b.wrap(b.upload(ctx, path.Join(name, manifestName), strings.NewReader(string(text))))
}

// upload writes one object. An error leaves none: a writer whose context has ended gives up what it has.
func (b *Bucket) upload(ctx context.Context, key string, from io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.blob.NewWriter(ctx, key, &blob.WriterOptions{ContentType: "application/octet-stream"})
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, from); err != nil {
		cancel()
		return errors.Join(fmt.Errorf("%s: %w", key, err), ignoreCanceled(w.Close()))
	}
	return w.Close()
}

// ignoreCanceled drops the error of a writer that was told to give up.
func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) || gcerrors.Code(err) == gcerrors.Canceled {
		return nil
	}
	return err
}

// copied is a checkpoint in a bucket.
type copied struct {
	name     string
	manifest *manifest
	err      error // of the manifest
}

// copies reads the manifests in the bucket, newest first, and names what has none.
func (b *Bucket) copies(ctx context.Context) (whole []copied, rest []string, err error) {
	list := b.blob.List(&blob.ListOptions{Delimiter: "/"})
	for {
		o, err := list.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		name := strings.TrimSuffix(o.Key, "/")
		step, sum, _ := strings.Cut(name, ".")
		if _, ok := stepOf(step); !ok || !o.IsDir || len(sum) != 8 {
			continue // not ours
		}
		text, err := b.blob.ReadAll(ctx, path.Join(name, manifestName))
		if gcerrors.Code(err) == gcerrors.NotFound {
			rest = append(rest, name)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		c := copied{name: name}
		if c.manifest, c.err = decodeManifest(text); c.err != nil {
			c.manifest = &manifest{Serial: -1}
		}
		whole = append(whole, c)
	}
	slices.SortStableFunc(whole, func(x, y copied) int { return cmp.Compare(y.manifest.Serial, x.manifest.Serial) })
	return whole, rest, nil
}

// List returns the checkpoints whose manifests can be read, newest first; Path is their name in the bucket.
func (b *Bucket) List(ctx context.Context) ([]Info, error) {
	all, _, err := b.copies(ctx)
	var out []Info
	for _, c := range all {
		if c.err == nil {
			out = append(out, c.manifest.info(c.name))
		}
	}
	return out, b.wrap(err)
}

// Prune keeps the newest checkpoints and removes the others, and what copies that were cut off have left.
func (b *Bucket) Prune(ctx context.Context, keep int) error {
	whole, rest, err := b.copies(ctx)
	if err != nil {
		return b.wrap(err)
	}
	for _, c := range whole[min(keep, len(whole)):] {
		if err := b.blob.Delete(ctx, path.Join(c.name, manifestName)); err != nil { // from here on it is no checkpoint
			return b.wrap(err)
		}
		rest = append(rest, c.name)
	}
	for _, name := range rest {
		list := b.blob.List(&blob.ListOptions{Prefix: name + "/"})
		for {
			o, err := list.Next(ctx)
			if err == io.EOF {
				break
			}
			if err == nil {
				err = b.blob.Delete(ctx, o.Key)
			}
			if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
				return b.wrap(err)
			}
		}
	}
	return nil
}

// Fetch copies the newest sound checkpoint into a folder of checkpoints, where it stands under its own name, proven to its last byte.
// Damaged ones are skipped and stand in the report. [ErrNone] means that the bucket has none.
func (b *Bucket) Fetch(ctx context.Context, dir string) (Info, Report, error) {
	return b.fetch(ctx, dir, disk{})
}

func (b *Bucket) fetch(ctx context.Context, dir string, s storage) (Info, Report, error) {
	report := Report{Path: b.address, Kind: "checkpoints"}
	all, _, err := b.copies(ctx)
	if err != nil {
		return Info{}, report, b.wrap(err)
	}
	for _, c := range all {
		i, err := b.fetchOne(ctx, c, dir, s)
		if err == nil {
			report.Checkpoints, report.Tensors, report.Bytes = []Info{i}, i.Tensors, i.Bytes
			return i, report, nil
		}
		if !errors.As(err, new(damage)) {
			return Info{}, report, b.wrap(mend(err))
		}
		report.Problems = append(report.Problems, Problem{c.name, err.Error()})
	}
	return Info{}, report, report.failure()
}

// fetchOne copies one checkpoint aside, verifies it and puts it in its place.
func (b *Bucket) fetchOne(ctx context.Context, c copied, dir string, s storage) (Info, error) {
	if c.err != nil {
		return Info{}, damage{c.err}
	}
	m := &Manager{dir: dir, disk: s}
	aside := m.aside(saving, c.manifest.Step)
	if err := s.Mkdir(aside); err != nil {
		return Info{}, err
	}
	names := []string{manifestName}
	for _, f := range c.manifest.Files {
		names = append(names, f.Name)
	}
	err := b.download(ctx, c.name, aside, names, s)
	if err == nil {
		err = verified(aside)
	}
	if err == nil {
		err = s.SyncDir(aside)
	}
	target := filepath.Join(dir, folderName(c.manifest.Step))
	if err == nil {
		err = s.Rename(aside, target)
	}
	if err == nil {
		err = s.SyncDir(dir)
	}
	if err != nil {
		return Info{}, errors.Join(err, s.RemoveAll(aside))
	}
	return c.manifest.info(target), nil
}

// download copies objects to files; one that is not there is damage.
func (b *Bucket) download(ctx context.Context, name, dir string, files []string, s storage) error {
	for _, file := range files {
		err := writeFile(s, filepath.Join(dir, file), func(w io.Writer) error {
			return b.blob.Download(ctx, path.Join(name, file), w, nil)
		})
		if gcerrors.Code(err) == gcerrors.NotFound {
			return damage{fmt.Errorf("%s is missing", file)}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// verified reads all of a checkpoint.
func verified(dir string) error {
	c, err := OpenCheckpoint(dir)
	if err != nil {
		return damage{errors.New(reasonOf(dir, err))}
	}
	defer c.Close()
	if problems := c.verify(); len(problems) > 0 {
		return damage{errors.New(problems[0].Reason)}
	}
	return nil
}
