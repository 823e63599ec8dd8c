package sample

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// measures is written down apart from the maker's table, by the Chinese of it.
var measures = map[string][]string{
	"个": {"红苹果", "生日蛋糕", "足球", "气球", "铃铛"}, "根": {"香蕉"}, "张": {"猫脸", "狗脸"}, "辆": {"汽车", "自行车"}, "座": {"房子"},
	"棵": {"落叶树", "圣诞树", "仙人掌"}, "束": {"鲜花"}, "条": {"鱼"}, "只": {"青蛙", "企鹅", "蜗牛", "蝴蝶", "章鱼", "龟", "鞋"}, "头": {"大象"}, "匹": {"独角兽"},
	"串": {"葡萄"}, "颗": {"草莓"}, "块": {"西瓜", "比萨", "手表"}, "杯": {"热饮"}, "架": {"飞机"}, "枚": {"火箭"}, "把": {"钥匙", "雨伞", "吉他"}, "顶": {"皇冠"},
	"台": {"相机"}, "朵": {"向日葵"}, "本": {"书"},
}

func measure(t *testing.T, name string) string {
	t.Helper()
	for m, names := range measures {
		if slices.Contains(names, name) {
			return m
		}
	}
	t.Fatalf("no measure word for %s", name)
	return ""
}

// wordings says in all true ways what the items show, counting and comparing places anew; of a relation, the left or the upper thing
// first.
func wordings(t *testing.T, ground string, items []item) []string {
	t.Helper()
	a, b := items[0], items[len(items)-1]
	if a.Name == b.Name {
		number := []string{"", "一", "两", "三"}[len(items)]
		return []string{ground + "背景上有" + number + measure(t, a.Name) + a.Name + "。"}
	}
	if side(a, b) == "右边" || side(a, b) == "下面" {
		a, b = b, a
	}
	return []string{
		ground + "背景上，" + a.Name + "在" + b.Name + "的" + side(a, b) + "。",
		ground + "背景上，" + b.Name + "在" + a.Name + "的" + side(b, a) + "。",
	}
}

// side tells where a is, seen from b: on the axis on which they are further apart.
func side(a, b item) string {
	dx, dy := a.X-b.X, a.Y-b.Y
	switch {
	case dx*dx > dy*dy && dx < 0:
		return "左边"
	case dx*dx > dy*dy:
		return "右边"
	case dy < 0:
		return "上面"
	}
	return "下面"
}

func TestCaptionsAreTrue(t *testing.T) {
	for _, r := range of(t, "scenes") {
		want := wordings(t, r.meta.Ground, r.meta.Items)
		if r.split == "train" {
			want = want[:1]
		}
		if d := cmp.Diff(want, r.References); d != "" || r.Text != r.References[0] {
			t.Errorf("%s: text %q, references (-want +got):\n%s", r.ID, r.Text, d)
		}
		if len(r.meta.Items) == 2 && r.meta.Form == "relation" && apart(r.meta.Items[0], r.meta.Items[1]) < 20 {
			t.Errorf("%s: the two things overlap: %v", r.ID, r.meta.Items)
		}
	}
}

// apart is the distance of two things along the axis on which they are further apart.
func apart(a, b item) int {
	dx, dy := a.X-b.X, a.Y-b.Y
	return max(dx, -dx, dy, -dy) - (a.Size - b.Size)
}

func TestAnswersAreTrue(t *testing.T) {
	answers := map[string]map[string]int{}
	for _, r := range of(t, "scenes_vqa") {
		question, answer := r.Question, r.Answer
		items := r.meta.Items
		a := items[0]
		ok := false
		switch r.meta.Type {
		case "detection":
			shown := slices.ContainsFunc(items, func(it item) bool { return question == "图里有"+it.Name+"吗？" })
			ok = answer == map[bool]string{true: "有", false: "没有"}[shown]
		case "number":
			m := measure(t, a.Name)
			ok = question == "图里有几"+m+a.Name+"？" && answer == []string{"", "一", "两", "三"}[len(items)]+m
		case "relation":
			b := items[1]
			ok = question == a.Name+"在"+b.Name+"的哪边？" && answer == side(a, b)
		case "color":
			ok = question == "背景是什么颜色？" && answer == r.meta.Ground
		}
		if !ok {
			t.Errorf("%s (%s): %q %q about %v on %s", r.ID, r.meta.Type, question, answer, items, r.meta.Ground)
		}
		if answers[r.split+" "+r.meta.Type] == nil {
			answers[r.split+" "+r.meta.Type] = map[string]int{}
		}
		answers[r.split+" "+r.meta.Type][answer]++
	}
	testBalance(t, answers)
}

// testBalance: the four types are equally many in every split, and `有` is half of the answers to the first.
func testBalance(t *testing.T, answers map[string]map[string]int) {
	t.Helper()
	total := map[string]int{"train": 6000, "valid": 200, "test": 400}
	for split, n := range total {
		for _, kind := range []string{"detection", "relation", "color", "number"} {
			got := 0
			for _, k := range answers[split+" "+kind] {
				got += k
			}
			if got != n/4 {
				t.Errorf("%s: %d questions of type %s, want %d", split, got, kind, n/4)
			}
		}
		if yes := answers[split+" detection"]["有"]; yes < n/8-2 || yes > n/8+2 {
			t.Errorf("%s: %d of %d answers are 有", split, yes, n/4)
		}
	}
}

// grounds are the colours that the captions name.
var grounds = map[string]color.Color{"红色": color.RGBA{230, 90, 90, 255}, "黄色": color.RGBA{245, 225, 110, 255}, "蓝色": color.RGBA{120, 160, 235, 255},
	"绿色": color.RGBA{140, 210, 140, 255}, "白色": color.RGBA{255, 255, 255, 255}, "灰色": color.RGBA{160, 160, 160, 255}}

// TestPicturesShowTheirScenes: every picture decodes, is its ground outside the items' squares, and shows something in each of them.
func TestPicturesShowTheirScenes(t *testing.T) {
	for _, r := range of(t, "scenes") {
		img, err := png.Decode(bytes.NewReader(r.Image))
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		if fault := pictureFault(img, r.meta.Items, grounds[r.meta.Ground]); fault != "" {
			t.Errorf("%s: %s: %s", r.ID, r.Text, fault)
		}
	}
}

func pictureFault(img image.Image, items []item, ground color.Color) string {
	if img.Bounds() != image.Rect(0, 0, 64, 64) {
		return "size " + img.Bounds().String()
	}
	pic, ok := img.(*image.Paletted)
	if !ok {
		return "no palette"
	}
	inked := make([]int, len(items))
	for y := range 64 {
		for x := range 64 {
			at := slices.IndexFunc(items, func(it item) bool { return image.Pt(x, y).In(image.Rect(it.X, it.Y, it.X+it.Size, it.Y+it.Size)) })
			is := pic.Palette[pic.ColorIndexAt(x, y)] == ground
			if at < 0 && !is {
				return fmt.Sprintf("pixel %d,%d outside all items is not the ground", x, y)
			}
			if at >= 0 && !is {
				inked[at]++
			}
		}
	}
	for i, n := range inked {
		if n*10 < items[i].Size*items[i].Size {
			return "nothing to see of " + items[i].Name
		}
	}
	return ""
}

func TestEmojiPicturesDecode(t *testing.T) {
	for _, r := range of(t, "emoji", "scenes_vqa") {
		c, err := png.DecodeConfig(bytes.NewReader(r.Image))
		if err != nil || c.Width != 64 || c.Height != 64 || r.ImagePath == "" {
			t.Errorf("%s: %dx%d %q %v, want 64x64", r.ID, c.Width, c.Height, r.ImagePath, err)
		}
	}
	for _, r := range of(t, "emoji") {
		if _, err := png.Decode(bytes.NewReader(r.Image)); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
	}
}

// TestMeasureWordsCoverAllKinds: forty kinds, each in both sets of drawings.
func TestMeasureWordsCoverAllKinds(t *testing.T) {
	sets := map[string]map[string]bool{}
	for _, r := range of(t, "scenes") {
		for _, it := range r.meta.Items {
			if sets[it.Name] == nil {
				sets[it.Name] = map[string]bool{}
			}
			sets[it.Name][it.Set] = true
		}
	}
	total := 0
	for _, names := range measures {
		total += len(names)
	}
	if len(sets) != 40 || total != 40 {
		t.Errorf("%d kinds in the scenes, %d in the table, want 40", len(sets), total)
	}
	for name, s := range sets {
		if !s["google"] || !s["twitter"] {
			t.Errorf("%s is drawn by %v only", name, s)
		}
	}
}
