package origin

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"m6lab/datasets"
)

// The two renderings of every emoji, and the licence of their drawings.
var renderings = []struct {
	Set, Licence string
	Package      *Package
}{{"google", "Apache-2.0", &EmojiGoogle}, {"twitter", "CC-BY-4.0", &EmojiTwitter}}

// Emoji is one emoji with its Chinese name and the files of its drawings.
type Emoji struct {
	Code     string // hexadecimal code points joined by "-", as the names' package writes them
	Name     string
	Tags     []string
	Group    string            // smileys-emotion, people-body, flags ...
	Family   string            // shared by twins: drawings that differ in gender, direction or the character on a key; empty otherwise
	Drawings map[string]string // rendering to file
}

// Emojis reads names and drawings; emoji without one of the two renderings keep the other.
func Emojis(f Fetcher) ([]Emoji, error) {
	names, err := f.Fetch(EmojiNames)
	if err != nil {
		return nil, err
	}
	var entries []struct {
		Label, Hexcode string
		Tags           []string
		Group          *int
	}
	if err := readJSON(filepath.Join(names, "zh/data.json"), &entries); err != nil {
		return nil, err
	}
	var meta struct{ Groups map[string]string }
	if err := readJSON(filepath.Join(names, "meta/groups.json"), &meta); err != nil {
		return nil, err
	}
	drawings, err := emojiDrawings(f)
	if err != nil {
		return nil, err
	}
	var all []Emoji
	for _, e := range entries {
		d := drawings[plainCode(e.Hexcode)]
		if e.Group == nil || d == nil {
			continue
		}
		all = append(all, Emoji{Code: e.Hexcode, Name: strings.ReplaceAll(e.Label, ": ", "："),
			Tags:  slices.DeleteFunc(e.Tags, func(t string) bool { return t == e.Label }),
			Group: meta.Groups[fmt.Sprint(*e.Group)], Family: family(e.Hexcode, e.Label), Drawings: d})
	}
	clearSingles(all)
	return all, nil
}

// emojiDrawings maps a code without variation selectors to rendering to file.
func emojiDrawings(f Fetcher) (map[string]map[string]string, error) {
	drawings := map[string]map[string]string{}
	for _, r := range renderings {
		dir, err := f.Fetch(*r.Package)
		if err != nil {
			return nil, err
		}
		files, err := filepath.Glob(filepath.Join(dir, "img", r.Set, "64", "*.png"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			code := plainCode(strings.TrimSuffix(filepath.Base(file), ".png"))
			if drawings[code] == nil {
				drawings[code] = map[string]string{}
			}
			drawings[code][r.Set] = file
		}
	}
	return drawings, nil
}

// plainCode drops the variation selectors, in which the packages disagree.
func plainCode(code string) string { return strings.ReplaceAll(strings.ToUpper(code), "-FE0F", "") }

var (
	genderSign = regexp.MustCompile(`-200D-(2640|2642)`)
	facingSign = regexp.MustCompile(`-200D-27A1`)
	person     = regexp.MustCompile(`^(1F468|1F469|1F9D1)(-200D|$)`)
	plainPairs = map[string]string{"1F466": "child", "1F467": "child", "1F9D2": "child", "1F474": "old", "1F475": "old", "1F9D3": "old",
		"1F57A": "dancer", "1F483": "dancer", "1F385": "santa", "1F936": "santa", "1F9D1-200D-1F384": "santa", "1F934": "crown", "1F478": "crown", "1FAC5": "crown",
		"1F930": "pregnant", "1FAC3": "pregnant", "1FAC4": "pregnant", "1F46B": "hands", "1F46C": "hands", "1F46D": "hands"}
)

// family names the set of near-identical drawings that an emoji belongs to.
func family(code, label string) string {
	code = plainCode(code)
	if strings.HasSuffix(code, "20E3") || code == "1F51F" {
		return "keycap"
	}
	for _, name := range []string{"家庭", "亲吻", "情侣"} {
		if strings.HasPrefix(label, name+":") || strings.HasSuffix(label, name) {
			return name
		}
	}
	if name, ok := plainPairs[code]; ok {
		return name
	}
	code = facingSign.ReplaceAllString(genderSign.ReplaceAllString(code, ""), "")
	return person.ReplaceAllString(code, "person$2")
}

// clearSingles empties the family of those who are alone in it.
func clearSingles(all []Emoji) {
	count := map[string]int{}
	for _, e := range all {
		count[e.Family]++
	}
	for i := range all {
		if count[all[i].Family] == 1 {
			all[i].Family = ""
		}
	}
}

// caption is the form of the study: the name, then its tags, `月饼，中秋节、秋、秋天、节日`.
func (e Emoji) caption() string {
	if len(e.Tags) == 0 {
		return e.Name
	}
	return e.Name + "，" + strings.Join(e.Tags, "、")
}

type emojiMeta struct {
	Code    string   `json:"code"`
	Name    string   `json:"name"`
	Tags    []string `json:"tags,omitempty"`
	Set     string   `json:"set"`
	Group   string   `json:"group"`
	Twin    bool     `json:"twin"`
	Family  string   `json:"family,omitempty"`
	Licence string   `json:"licence"`
}

// EmojiRows makes a row of every drawing, on white, and splits them by name. Names that share a drawing (a territory under its country's flag) go together, and
// the things of the scenes stay in train, where their drawings are.
func EmojiRows(all []Emoji, report *Report) ([]Row, error) {
	var rows []Row
	for _, e := range all {
		if e.Group == "component" {
			report.Drop("emoji", "a part of other emoji (skin, hair)")
			continue
		}
		for _, r := range renderings {
			file := e.Drawings[r.Set]
			if file == "" {
				report.Drop("emoji", "no drawing by "+r.Set)
				continue
			}
			row, err := e.row(file, r.Set, r.Licence)
			if err != nil {
				return nil, err
			}
			if row.Image == nil {
				report.Drop("emoji", "invisible on white")
				continue
			}
			rows = append(rows, row)
		}
	}
	splitEmoji(rows)
	return rows, nil
}

// splitEmoji joins the names that share a drawing to groups, named by their smallest name, and gives every group a split.
func splitEmoji(rows []Row) {
	leader, names := map[string]string{}, map[string]string{} // of a name, and of a picture
	root := func(name string) string {
		for leader[name] != "" {
			name = leader[name]
		}
		return name
	}
	for _, r := range rows {
		a, b := root(r.Group), root(orElse(names[string(r.Image)], r.Group))
		names[string(r.Image)] = r.Group
		if a != b {
			leader[max(a, b)] = min(a, b)
		}
	}
	shown := map[string]bool{}
	for _, r := range rows {
		code := plainCode(strings.ToUpper(r.ID[strings.LastIndex(r.ID, "_")+1:]))
		if slices.ContainsFunc(kinds, func(k Kind) bool { return k.Code == code || k.Name == r.Group }) {
			shown[root(r.Group)] = true
		}
	}
	for i, r := range rows {
		rows[i].Group = root(r.Group)
		rows[i].Split = share(10, "emoji", rows[i].Group)
		if shown[rows[i].Group] {
			rows[i].Split = Train
		}
	}
}

func (e Emoji) row(file, set, licence string) (Row, error) {
	drawing, err := readPNG(file)
	if err != nil {
		return Row{}, err
	}
	bounds := image.Rect(0, 0, pictureSize, pictureSize)
	canvas := image.NewRGBA(bounds)
	draw.Draw(canvas, bounds, image.White, image.Point{}, draw.Src)
	draw.Draw(canvas, bounds, drawing, drawing.Bounds().Min, draw.Over)
	var data []byte
	if visible(canvas, color.RGBA{255, 255, 255, 255}, seen) {
		if data, err = encodePalette(canvas, emojiColors(canvas)); err != nil {
			return Row{}, fmt.Errorf("emoji %s: %w", e.Code, err)
		}
	}
	id := "emoji-" + set + "_" + strings.ToLower(e.Code)
	return Row{Group: e.Name, Example: datasets.Example{ID: id, Source: "emoji", Text: e.caption(), Image: data, ImagePath: id + ".png",
		References: []string{e.caption()},
		Meta: mustJSON(emojiMeta{Code: e.Code, Name: e.Name, Tags: e.Tags, Set: set, Group: e.Group, Twin: e.Family != "", Family: e.Family,
			Licence: licence})}}, nil
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

func readPNG(path string) (image.Image, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return img, nil
}
