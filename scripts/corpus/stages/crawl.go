package stages

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"m6lab/datasets/source"
	"m6lab/scripts/corpus/recipe"
)

// The files of the index of the crawl's pictures.
const (
	endPictures = ".pictures"      // packed entries of a unit, by bucket
	endIndexed  = ".pictures.json" // what Index leaves of a unit
	indexFile   = "pictures.json"  // what CloseIndex leaves: the index is whole
)

// indexed is what Index leaves of a unit.
type indexed struct {
	Files   map[string]int64 `json:"files"` // by ending: bytes
	Places  []Place          `json:"places"`
	Seconds float64          `json:"seconds"`
}

// bytesPerBucket is the size of input for which the index has a bucket: a page's weight for a picture, 7 million bytes to be joined at once.
const bytesPerBucket = 1 << 30

// planIndex finds out which units have archives, and whether pages of archives become pairs: then there is an index.
func (j *Job) planIndex(ctx context.Context) error {
	var size int64
	pairs := false
	for i := range j.Units {
		u := &j.Units[i]
		for _, p := range u.Parts {
			holds, err := source.HoldsArchives(ctx, p)
			if err != nil {
				return err
			}
			if holds {
				u.archives = true
				size += p.Size
				row := cmp.Or(p.Source, source.DefaultSource(source.FormatWARC))
				pairs = pairs || j.Recipe.Pairs.Make(row) != recipe.MakeText && j.Recipe.Page.Pictures
			}
		}
	}
	if !pairs {
		return nil
	}
	j.Indexed = 1
	for int64(j.Indexed)*bytesPerBucket < size && j.Indexed < source.MaxCrawlBuckets {
		j.Indexed *= 2
	}
	return nil
}

// workKey is the key of the folder of work. The pictures that a unit finds depend on all archives, so another set of them is another folder.
func (j *Job) workKey() string {
	if j.Indexed == 0 {
		return hashOf(j.Lineage, j.Images)
	}
	var keys []string
	for _, u := range j.Archives() {
		keys = append(keys, u.Key)
	}
	return hashOf(j.Lineage, j.Images, keys)
}

// Archives are the units that Index takes, before the first pass; none where no page wants a picture of an archive.
func (j *Job) Archives() []Unit {
	var units []Unit
	for _, u := range j.Units {
		if u.archives && j.Indexed > 0 {
			units = append(units, u)
		}
	}
	return units
}

// IndexProgress counts the units that Index has finished, of those that it takes.
func (j *Job) IndexProgress() (done, all int) {
	for _, u := range j.Archives() {
		if _, err := os.Stat(j.path(u.Name() + endIndexed)); err == nil {
			done++
		}
		all++
	}
	return done, all
}

// bucketName is the file of a bucket of the index.
func bucketName(bucket int) string { return fmt.Sprintf("pictures-%03d.index", bucket) }

// Index notes where the pictures of a unit's archives lie, and returns where the notes of each bucket are. A unit that was finished before is not read
// again.
func (j *Job) Index(ctx context.Context, u Unit) ([]Place, error) {
	if x, err := j.indexOf(u.Name()); err == nil {
		return x.Places, nil
	}
	end, err := j.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	start := time.Now()
	x := &indexed{Files: map[string]int64{}}
	var keys *source.CrawlKeys
	flush := func() error {
		var s sections
		for bucket := range j.Indexed {
			if b := keys.Bucket(bucket); b != nil {
				s.add(bucket, b)
			}
		}
		ending := fmt.Sprintf(".%04d%s", len(x.Files), endPictures)
		places, err := s.write(j.work(), u.Name()+ending)
		if err != nil || len(places) == 0 {
			return err
		}
		last := places[len(places)-1]
		x.Files[ending] = last.Offset + last.Length
		x.Places = append(x.Places, places...)
		keys.Reset()
		return nil
	}
	if keys, err = source.NewCrawlKeys(j.Recipe.Read, j.Indexed, flush); err != nil {
		return nil, err
	}
	for i, p := range u.Parts {
		if err := keys.Add(ctx, p, u.Inputs[i]); err != nil {
			return nil, err
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	x.Seconds = time.Since(start).Seconds()
	return x.Places, writeJSON(j.path(u.Name()+endIndexed), x)
}

// indexOf reads what Index left of a unit; an error where it has not been there, or something is gone.
func (j *Job) indexOf(name string) (*indexed, error) {
	x := &indexed{}
	if err := readJSON(j.path(name+endIndexed), x); err != nil {
		return nil, err
	}
	for ending, size := range x.Files {
		if info, err := os.Stat(j.path(name + ending)); err != nil || info.Size() != size {
			return nil, errDamaged
		}
	}
	return x, nil
}

func readJSON(path string, to any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, to)
}

// JoinIndex sorts one bucket of the index. It depends on the set of notes alone.
func (j *Job) JoinIndex(ctx context.Context, bucket int, places []Place) error {
	end, err := j.turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	x := source.NewCrawlJoin(j.Recipe.Read)
	for _, p := range places {
		packed, err := readPlace(j.work(), p)
		if err == nil {
			err = x.Add(packed)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.File, err)
		}
	}
	return aside(j.path(bucketName(bucket)), func(f *os.File) error { _, err := x.WriteTo(f); return err })
}

// CloseIndex says which buckets the index has, when all of them are sorted. The first pass needs it.
func (j *Job) CloseIndex(buckets []int) error {
	sizes := map[string]int64{}
	for _, b := range buckets {
		info, err := os.Stat(j.path(bucketName(b)))
		if err != nil {
			return err
		}
		sizes[bucketName(b)] = info.Size()
	}
	return writeJSON(j.path(indexFile), sizes)
}

// openCrawl opens the index of the crawl's pictures; nil where there is none.
func (j *Job) openCrawl() (source.Lookup, error) {
	if j.Indexed == 0 {
		return nil, nil
	}
	if j.before != nil {
		if err := j.before(); err != nil {
			return nil, err
		}
	}
	sizes := map[string]int64{}
	if err := readJSON(j.path(indexFile), &sizes); err != nil {
		return nil, fmt.Errorf("the index of the pictures is not there: %w", err)
	}
	names := make([]string, j.Indexed)
	for i := range names {
		size, there := sizes[bucketName(i)]
		if !there {
			continue
		}
		names[i] = j.path(bucketName(i))
		if info, err := os.Stat(names[i]); err != nil || info.Size() != size {
			return nil, fmt.Errorf("%s: %w", names[i], errDamaged)
		}
	}
	crawl, err := source.OpenCrawl(context.Background(), j.Recipe.Read, names)
	if err != nil {
		return nil, err
	}
	j.crawl = crawl
	return crawl, nil
}

// indexAside makes the index in a temporary folder, which forget removes.
func (j *Job) indexAside(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "m6-corpus-*")
	if err != nil {
		return err
	}
	j.Dir = dir
	if err := os.MkdirAll(j.work(), 0o777); err != nil {
		return err
	}
	return j.indexAll(ctx)
}

// forget removes what indexAside has made.
func (j *Job) forget() {
	if j.crawl != nil {
		_ = j.crawl.Close()
	}
	if j.Dir != "" {
		_ = os.RemoveAll(j.Dir)
	}
}
