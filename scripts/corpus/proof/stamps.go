package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"m6lab/scripts/sample/origin"
)

// categoryNames are the Chinese names of the stamps' folders.
var categoryNames = map[string]string{"animals": "动物", "clothes": "服装", "food": "食品", "hobbies": "爱好", "household": "家居", "medical": "医疗",
	"military": "军事", "naturalforces": "自然现象", "people": "人物", "plants": "植物", "seasonal": "节日", "space": "太空", "sports": "运动",
	"symbols": "符号", "town": "城镇", "vehicles": "车辆"}

// writeStamps writes half of the stamps, chosen by hash, as a folder of pictures with a caption beside each, and the others as a product table. A product's
// title is composed of what the package says: the caption, the category and the English name; a caption is left as it is.
func writeStamps(s *shelf, dir string) ([]input, error) {
	folder := s.folder(origin.Stamps)
	if folder == "" {
		return nil, nil
	}
	rows, err := origin.StampRows(origin.Fetcher{Cache: filepath.Dir(folder)}, &origin.Report{})
	if err != nil {
		return nil, err
	}
	shop, album := filepath.Join(dir, "shop"), filepath.Join(dir, "stamps")
	if err := errors.Join(os.MkdirAll(filepath.Join(shop, "images"), 0o755), os.MkdirAll(album, 0o755)); err != nil {
		return nil, err
	}
	table, err := os.Create(filepath.Join(shop, "products.csv"))
	if err != nil {
		return nil, err
	}
	defer table.Close()
	w := csv.NewWriter(table)
	w.Write([]string{"id", "title", "category", "image", "license"})
	products, pictures := 0, 0
	for _, row := range rows {
		var meta struct{ English, Category string }
		if err := json.Unmarshal([]byte(row.Meta), &meta); err != nil {
			return nil, err
		}
		if pick(row.ID, "stamps", 2) == 0 {
			pictures++
			err = errors.Join(os.WriteFile(filepath.Join(album, row.ID+".png"), row.Image, 0o644), os.WriteFile(filepath.Join(album, row.ID+".txt"), []byte(row.Text+"\n"), 0o644))
		} else {
			products++
			name := categoryNames[meta.Category]
			if name == "" {
				name = meta.Category
			}
			title := strings.TrimRight(row.Text, "。！") + " " + name + "图案贴纸 " + meta.English
			w.Write([]string{row.ID, title, name, "images/" + row.ID + ".png", origin.Stamps.Licence})
			err = os.WriteFile(filepath.Join(shop, "images", row.ID+".png"), row.Image, 0o644)
		}
		if err != nil {
			return nil, err
		}
	}
	w.Flush()
	return []input{
		{In: "ecommerce=shop/products.csv", Format: "product table (csv), pictures beside it", Documents: products},
		{In: "stamps=pictures:stamps", Format: "folder of pictures, each with a caption of the same name", Documents: pictures},
	}, errors.Join(w.Error(), table.Close())
}
