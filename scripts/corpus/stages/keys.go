package stages

import (
	"context"
	"fmt"

	"github.com/zeebo/xxh3"

	"m6lab/datasets/near"
)

// A group of keys is a kind and a bucket: what repeats what is decided within a group. Kind 0 are the ids of records, then come near's.
const (
	keyID     = 0
	groupSize = near.Buckets
)

// dropReasons names the kinds.
var dropReasons = func() []string {
	names := []string{keyID: "repeated id"}
	for _, kind := range near.Kinds() {
		names = append(names, kind.String())
	}
	return names
}()

// addKeys packs the keys of a record: its id, and what the recipe compares: of a text its words, of a pair its picture.
func (p *pass) addKeys(r *kept) error {
	id := xxh3.HashString128(r.ID)
	p.keys.add(keyID*groupSize+int(id.Lo%uint64(p.job.Buckets)), near.AppendKey(nil, id, r.number))
	if !r.pair {
		return p.tools.near.Add(&p.near, r.number, r.Text)
	}
	if r.small == nil || !p.tools.near.On(near.NearPictures) {
		return nil
	}
	return p.tools.near.AddPicture(&p.near, r.number, p.job.Recipe.Duplicates.Pictures.PictureHash(r.small))
}

// recordsPerKeyFile bounds the keys that are in memory: at the defaults 350 bytes a record. An input that cannot be cut is one unit.
const recordsPerKeyFile = 1 << 16

// flushKeys puts the keys so far into a file.
func (p *pass) flushKeys() error {
	for _, kind := range near.Kinds() {
		for bucket := range near.Buckets {
			if b := p.near.Bucket(kind, bucket); len(b) > 0 {
				p.keys.add((int(kind)+1)*groupSize+bucket, b)
			}
		}
	}
	ending := fmt.Sprintf(".%04d%s", len(p.keyFiles), endKeys)
	places, err := p.keys.write(p.job.work(), p.unit.Name()+ending)
	if err != nil || len(places) == 0 {
		return err
	}
	p.places, p.keyFiles = append(p.places, places...), append(p.keyFiles, ending)
	p.near.Reset()
	p.keys = sections{}
	return nil
}

// Decide finds what repeats what in one group of keys, from all units, and returns where the lists of what to drop lie, one for each unit that has
// something to drop. It depends on the set of keys alone.
func (j *Job) Decide(ctx context.Context, group int, places []Place) ([]Place, error) {
	t, err := j.tools()
	if err != nil {
		return nil, err
	}
	end, err := j.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	packed := make([][]byte, len(places))
	for i, p := range places {
		if packed[i], err = readPlace(j.work(), p); err != nil {
			return nil, err
		}
	}
	kind := near.EqualTexts // ids are compared as equal texts are
	if group >= groupSize {
		kind = near.Kind(group/groupSize - 1)
	}
	drop, _, err := t.near.Duplicates(kind, packed)
	if err != nil {
		return nil, err
	}
	var lists sections
	for unit, list := range near.ByFile(drop) {
		if len(lists.groups[unit]) == 0 {
			lists.add(unit, []byte{byte(group / groupSize)})
		}
		lists.add(unit, list)
	}
	return lists.write(j.work(), fmt.Sprintf("group-%05d.drops", group))
}

// readDrops reads lists of what to drop: by record, the kind of key that it repeats. An id counts only where nothing else
// repeats, of the others the smallest.
func (j *Job) readDrops(places []Place) (map[uint64]byte, error) {
	drops := map[uint64]byte{}
	for _, p := range places {
		b, err := readPlace(j.work(), p)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 || int(b[0]) >= len(dropReasons) {
			return nil, fmt.Errorf("%s: %w", p.File, errDamaged)
		}
		list, err := near.Drops(b[1:])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.File, err)
		}
		for _, d := range list {
			if old, there := drops[d.Doc]; !there || old == keyID || b[0] != keyID && b[0] < old {
				drops[d.Doc] = b[0]
			}
		}
	}
	return drops, nil
}
