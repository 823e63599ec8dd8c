package origin

import (
	"bytes"
	"image"
	_ "image/png" // the stamps' format
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"m6lab/datasets"
)

type stampMeta struct {
	English  string `json:"english"`
	Category string `json:"category"`
	Package  string `json:"package"`
	Licence  string `json:"licence"`
}

// StampRows makes a row of every stamp with a Chinese caption, split by caption. Drawings that exist only as SVG are left out.
func StampRows(f Fetcher, report *Report) ([]Row, error) {
	dir, err := f.Fetch(Stamps)
	if err != nil {
		return nil, err
	}
	root := filepath.Join(dir, "usr/share/tuxpaint/stamps")
	var rows []Row
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".txt" {
			return err
		}
		name, err := filepath.Rel(root, strings.TrimSuffix(path, ".txt"))
		if err != nil {
			return err
		}
		row, reason, err := stamp(root, filepath.ToSlash(name))
		if err == nil && reason != "" {
			report.Drop("stamps", reason)
		} else if err == nil {
			rows = append(rows, row)
		}
		return err
	})
	return rows, err
}

func stamp(root, name string) (row Row, reason string, err error) {
	text, err := os.ReadFile(filepath.Join(root, name+".txt"))
	if err != nil {
		return Row{}, "", err
	}
	english, rest, _ := strings.Cut(string(text), "\n")
	_, caption, ok := strings.Cut(rest, "zh_CN.utf8=")
	caption, _, _ = strings.Cut(caption, "\n")
	if caption = strings.TrimSpace(caption); !ok || caption == "" {
		return Row{}, "no Chinese caption", nil
	}
	picture, err := os.ReadFile(filepath.Join(root, name+".png"))
	if os.IsNotExist(err) {
		return Row{}, "no PNG", nil
	}
	if err != nil {
		return Row{}, "", err
	}
	if _, _, err := image.DecodeConfig(bytes.NewReader(picture)); err != nil {
		return Row{}, "a picture that cannot be read", nil
	}
	category, _, _ := strings.Cut(name, "/")
	id := "stamp-" + strings.ReplaceAll(name, "/", ".")
	return Row{Split: share(10, "stamp", caption), Example: datasets.Example{ID: id, Source: "stamps", Text: caption, Image: picture, ImagePath: id + ".png",
		References: []string{caption},
		Meta:       mustJSON(stampMeta{english, category, Stamps.Name + " " + Stamps.Version, Stamps.Licence})}}, "", nil
}
