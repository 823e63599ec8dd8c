package origin

import (
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSimplify(t *testing.T) {
	tests := []struct{ in, want string }{
		{"劒閣崢嶸而崔嵬", "剑阁峥嵘而崔嵬"},
		{"乾寧二年進士", "乾宁二年进士"},
		{"乾坤萬里眼", "乾坤万里眼"},
		{"衣裳乾未", "衣裳干未"},
		{"後宮佳麗三千人", "后宫佳丽三千人"},
		{"天后及明皇", "天后及明皇"},
	}
	for _, test := range tests {
		if got, err := simplify(test.in); err != nil || got != test.want {
			t.Errorf("simplify(%q) = %q, %v, want %q", test.in, got, err, test.want)
		}
	}
}

func TestPoemForm(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"five", "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。", ""},
		{"seven", "朝辞白帝彩云间，千里江陵一日还。两岸猿声啼不住，轻舟已过万重山。", ""},
		{"two lines", "白日依山尽，黄河入海流。", "fewer than four lines, or an odd number"},
		{"five lines", "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。白日依山尽。", "fewer than four lines, or an odd number"},
		{"six characters", strings.Repeat("白日依山尽了，", 4), "lines of neither five nor seven characters"},
		{"the paper's own last line", "白日依山尽，黄河入海流。欲穷千里目，更上层楼。", "lines of unequal length"},
		{"a gap", "白日依山尽，黄河□海流。欲穷千里目，更上一层楼。", "gaps, notes or variants in a line"},
		{"no mark at the end", "白日依山尽，黄河入海流。欲穷千里目，更上一层楼", "fewer than four lines, or an odd number"},
		{"eighteen lines", strings.Repeat("白日依山尽，黄河入海流。", 9), "more than sixteen lines"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := formFault(splitLines(test.body)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSeries(t *testing.T) {
	for title, want := range map[string]string{
		"江行无题一百首 四十七": "钱起|江行无题", "帝京篇十首 一": "钱起|帝京篇", "秋兴": "钱起|秋兴", "和陶饮酒二十首 其五": "钱起|和陶饮酒", "无题": "钱起|无题",
	} {
		if got := (Poem{Author: "钱起", Title: title}).Series(); got != want {
			t.Errorf("series of %q is %q, want %q", title, got, want)
		}
	}
}

func TestFirstLife(t *testing.T) {
	tests := []struct{ name, desc, want string }{
		{"曹松", "曹松，字夢徵，舒州人。學賈島爲詩。曹松，字夢徵，舒州人。", "曹松，字夢徵，舒州人。學賈島爲詩。"},
		{"李頻", "李頻，字德新，睦州壽昌人。少秀悟。   李頻，字德新，睦州人。", "李頻，字德新，睦州壽昌人。少秀悟。"},
		{"李罕", "李罕，咸通中進士。（《全唐詩》無李罕詩）", ""},
		{"李郃", "曰：「劉蕡下第，我輩登科，能不厚颜。」", ""},
		{"張三", "張三，長安人。官至尚書，卒。又作詩數百篇，傳於世。", "張三，長安人。官至尚書，卒。"},
		{"李詢", "李詢，人。", ""},
	}
	for _, test := range tests {
		if got, reason := firstLife(test.name, test.desc, 20); got != test.want || (got == "") != (reason != "") {
			t.Errorf("firstLife(%q) = %q (%s), want %q", test.desc, got, reason, test.want)
		}
	}
}

func TestProse(t *testing.T) {
	rule := proseRule{low: 5, high: 30, han: 60}
	tests := []struct{ text, want string }{
		{"选择“格式 - 单元格”以启动对话框。", ""},
		{"短。", "too short or too long"},
		{"Use the thesaurus 查词。", "too little Chinese"},
		{"选择要打印的内容类型", "no full stop at the end"},
		{"，选择要打印的内容类型。", "a fragment"},
		{"公式=求和，然后按回车键。", "code, an address or residue"},
		{"如果选©文本格式的数据库段，则无法。", "code, an address or residue"},
		{"各地的用户也可以加入这个群来咨询：190535。", "code, an address or residue"},
		{"点击“确定按钮关闭这个对话框。", "quotes or brackets that do not close"},
		{"选择“过滤命令。将显示过滤”对话框。", "quotes or brackets that do not close"},
	}
	for _, test := range tests {
		if got := rule.fault(test.text); got != test.want {
			t.Errorf("fault(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}

func TestTidy(t *testing.T) {
	for in, want := range map[string]string{
		"  选择\n   格式 ": "选择格式", "按 Ctrl + F7 键": "按 Ctrl + F7 键", "点击 「 确定 」 。": "点击“确定”。", "目录树中[3]，有": "目录树中，有", "问题\u00a0一": "问题一",
		"打开文档: 目标, 来源": "打开文档：目标，来源", "“Day”: 表达式": "“Day”：表达式", "12:30, 明天": "12:30, 明天",
	} {
		if got := tidy(in); got != want {
			t.Errorf("tidy(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFamily(t *testing.T) {
	same := [][]string{{"1F46E", "1F46E-200D-2640-FE0F", "1F46E-200D-2642-FE0F"}, {"1F9D1-200D-1F373", "1F468-200D-1F373", "1F469-200D-1F373"},
		{"0031-FE0F-20E3", "1F51F"}, {"1F6B6", "1F6B6-200D-27A1-FE0F", "1F6B6-200D-2640-FE0F-200D-27A1-FE0F"}}
	for _, codes := range same {
		for _, code := range codes[1:] {
			if a, b := family(codes[0], ""), family(code, ""); a != b {
				t.Errorf("families of %s and %s: %q and %q", codes[0], code, a, b)
			}
		}
	}
	if a, b := family("1F34E", ""), family("1F34C", ""); a == b {
		t.Errorf("apple and banana have one family %q", a)
	}
}

// TestCombinationsAreHeldOut: the numbers that README.md of the sample gives, and no kind that loses two of its counts.
func TestCombinationsAreHeldOut(t *testing.T) {
	got := map[string]int{}
	lost := map[string]int{}
	for _, form := range []string{"count", "relation"} {
		for _, split := range Splits {
			list := combinations(form, split)
			got[form+" "+split] = len(list)
			for _, c := range list {
				if form == "count" && split != Train {
					lost[c.a.Name]++
				}
			}
		}
	}
	want := map[string]int{"count train": 99, "count valid": 8, "count test": 13, "relation train": 650, "relation valid": 38, "relation test": 92}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("combinations (-want +got):\n%s", d)
	}
	for name, n := range lost {
		if n > 1 {
			t.Errorf("%s loses %d of its counts", name, n)
		}
	}
}

func TestDropNear(t *testing.T) {
	row := func(split, text string) Row {
		r := Row{Split: split}
		r.Text, r.Source = text, "help"
		return r
	}
	rows := []Row{row(Train, "返回数字的正平方根，结果不为负。"), row(Test, "返回数字的正平方根，结果不为零。"), row(Test, "打开样式窗口，点击字符样式图标。"), row(Train, "返回数字的正平方根，结果不为空。")}
	var kept []string
	for _, r := range dropNear(rows, &Report{}) {
		kept = append(kept, r.Text)
	}
	if d := cmp.Diff([]string{rows[0].Text, rows[2].Text, rows[3].Text}, kept); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
}

func TestPaletteKeepsTheGround(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 31, 37))
	for y := range 37 {
		for x := range 31 {
			img.Set(x, y, color.RGBA{uint8(7 * x), uint8(6 * y), uint8(x * y), 255})
		}
	}
	h := map[rgb]int{}
	histogramOf(img, h)
	p := paletteOf(h, 17, rgb{1, 2, 3})
	if len(p) != 17 || p[0] != (color.RGBA{1, 2, 3, 255}) {
		t.Errorf("%d colours, the first %v", len(p), p[0])
	}
	few := paletteOf(map[rgb]int{{9, 9, 9}: 4, {1, 2, 3}: 7}, 17, rgb{1, 2, 3})
	if d := cmp.Diff(color.Palette{color.RGBA{1, 2, 3, 255}, color.RGBA{9, 9, 9, 255}}, few); d != "" {
		t.Errorf("palette of two colours (-want +got):\n%s", d)
	}
}

func TestKept(t *testing.T) {
	for name, want := range map[string]bool{"zh/data.json": true, "de/data.json": false, "../zh/data.json": false, "/zh/data.json": false} {
		if got := kept(name, []string{"zh/", "../", "/"}); got != want {
			t.Errorf("kept(%q) = %v, want %v", name, got, want)
		}
	}
}
