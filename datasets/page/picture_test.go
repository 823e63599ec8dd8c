package page

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"maps"
	"reflect"
	"strings"
	"testing"
)

// show writes a picture's texts as lines "kind distance text".
func show(p Picture) (out []string) {
	for _, a := range p.Texts {
		out = append(out, fmt.Sprintf("%s %d %s", a.Found, a.Distance, a.Text))
	}
	return out
}

// TestPictures: of each page, which pictures are found where, with which texts, and what is left out why. Written by hand from the pages.
func TestPictures(t *testing.T) {
	type picture struct {
		address, from string
		texts         []string
	}
	for name, want := range map[string]struct {
		pictures []picture
		skipped  map[string]int
	}{
		"news": {[]picture{
			{"https://www.example.com/images/2011/10/shai_gu.jpg", "src", []string{"caption 3 图为石桥镇的晒谷场，村民正在翻晒稻谷。", "alt 0 晒谷场上铺满稻谷",
				"paragraph_after 3 “我们小时候，收完稻子全村都要聚一次，后来年轻人出去打工，这个习惯就断了。”七十三岁的老支书陈水生一边翻谷子一边说，“今年大家商量，把这顿饭再吃起来。”",
				"paragraph_before 3 本报讯 十月的第一个周末，江边的石桥镇比过年还要热闹。镇上的晒谷场铺满了金黄的稻谷，七百多位村民和游客围坐在长桌旁，一起吃今年的第一碗新米饭。",
				"heading 4 江边小镇办起晒谷节 七百人同吃新米饭"}},
			{"https://www.example.com/images/2011/10/chang_zhuo.jpg", "src", []string{"caption 3 ▲长桌从晒谷场一直摆到河边",
				"paragraph_after 3 傍晚时分，最后一桌客人才慢慢散去。陈水生说，明年的晒谷节，他想把桌子一直摆到桥的另一头。",
				"paragraph_before 3 据镇里介绍，今年早稻和晚稻的收成都不错，亩产比去年多了四十多斤。晒谷节上还有打谷比赛、石磨豆腐和草编课，孩子们学得最认真。",
				"heading 4 江边小镇办起晒谷节 七百人同吃新米饭"}},
		}, map[string]int{"ornament": 1, "menu, footer or aside": 1}},
		"encyclopedia": {[]picture{
			{"https://img.wiki.example/thumb/440px-Umbrella.jpg", "srcset", []string{"alt 0 一把红色的油纸伞", "paragraph_after 6 材料\t竹、皮纸、桐油"}},
			{"https://img.wiki.example/thumb/640px-Frame.jpg", "data-src", []string{"figcaption 3 工匠正在把皮纸裱到竹骨上，泸州",
				"paragraph_after 4 做一把油纸伞要经过七十多道工序，从选竹、削骨、穿线，到裱纸、画花、上油，大约需要半个月。"}},
		}, map[string]int{"menu, footer or aside": 2}},
		"forum": {[]picture{
			{"https://www.example.com/news/2011/attachment/forum/tomato_flower.jpg", "file", []string{"paragraph_after 1 第一朵番茄花，只有指甲那麼大",
				"paragraph_before 1 把水桶搬到欄杆旁邊以後，一個星期就長高了一個手掌，五月中旬開了第一朵花。", "heading 6 第一次自己種番茄的記錄"}},
		}, map[string]int{"ornament": 1, "menu, footer or aside": 1}},
		"shop": {[]picture{
			{"https://img.shop.example/main/basket_1200.jpg", "data-zoom-image", []string{"alt 0 手工编织竹篮 正面", "heading 4 手工编织竹篮 家用买菜篮 有盖野餐篮"}},
			{"https://img.shop.example/main/basket_60a.jpg", "src", []string{"page 0 手工编织竹篮 家用买菜篮 有盖野餐篮"}},
			{"https://img.shop.example/desc/weave.jpg", "data-ks-lazyload", []string{"paragraph_after 3 篮底用的是六角编法，透气又结实，洗过以后挂在阳台上，半天就能晾干。",
				"paragraph_before 3 竹篾经过水煮、晾晒和打磨，边口没有毛刺，孩子拿着玩也不会扎手。", "heading 4 手工编织竹篮 家用买菜篮 有盖野餐篮"}},
			{"https://item.shop.example/desc/with%20space%20(1).jpg", "data-original", []string{"paragraph_after 3 盖子可以完全取下，野餐的时候翻过来就是一个托盘。",
				"paragraph_before 3 篮底用的是六角编法，透气又结实，洗过以后挂在阳台上，半天就能晾干。", "heading 4 手工编织竹篮 家用买菜篮 有盖野餐篮"}},
			{"https://img.shop.example/main/basket_800.jpg", "og:image", []string{"page 0 手工编织竹篮 家用买菜篮 有盖野餐篮"}},
		}, map[string]int{"small": 1, "menu, footer or aside": 2}},
		"blog": {[]picture{
			{"https://www.example.com/p/lake-1600.webp", "picture srcset", []string{"figcaption 3 六点二十分，太阳从山后面出来", "alt 0 日出时的盐湖，水面像镜子一样",
				"paragraph_after 4 湖水只有脚踝那么深，站在中间往四周看，天和地是连在一起的。风停的时候，连呼吸都觉得太响。", "heading 4 盐湖的早晨", "page 0 一个人骑车去看盐湖"}},
			{"https://www.example.com/p/salt-960.jpg", "data-srcset", []string{"paragraph_after 3 手里的盐块，边上已经开始融化。",
				"paragraph_before 3 湖水只有脚踝那么深，站在中间往四周看，天和地是连在一起的。风停的时候，连呼吸都觉得太响。", "heading 3 盐湖的早晨", "page 0 一个人骑车去看盐湖"}},
			{"data of 90 bytes", "src", []string{"alt 0 马师傅的卡车", "paragraph_before 4 回程我搭了一辆拉盐的卡车。司机姓马，他说这条路他跑了十九年，湖边的盐堆每年都不一样高，可是太阳升起来的地方从来没有变过。",
				"heading 4 回来的路", "page 0 一个人骑车去看盐湖"}},
		}, map[string]int{"noscript twin": 1}},
		"tables": {[]picture{
			{"https://www.example.com/news/2011/top.gif", "src", []string{"page 0 怎样挑一把好茶壶"}},
			{"https://www.example.com/news/2011/hu1.jpg", "src", []string{"alt 0 三点一线的茶壶", "paragraph_before 2 挑茶壶先看口、嘴、把是不是在一条直线上，再把盖子放上去转一转，听声音就知道合不合缝。", "page 0 怎样挑一把好茶壶"}},
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := Default()
			o.Card = name == "shop"
			if name == "tables" {
				o.Distance = 7
			}
			p := parse(t, readFile(t, "pages", name+".html"), o)
			if !maps.Equal(p.Skipped, want.skipped) {
				t.Errorf("skipped %v: want %v", p.Skipped, want.skipped)
			}
			for i, pic := range p.Pictures {
				if i >= len(want.pictures) {
					t.Errorf("one more: %+v", pic)
					continue
				}
				w := want.pictures[i]
				address := pic.Address
				if address == "" {
					address = fmt.Sprintf("data of %d bytes", len(pic.Data))
				}
				if address != w.address || pic.From != w.from || !reflect.DeepEqual(show(pic), w.texts) {
					t.Errorf("picture %d: %s from %s:\n%s\nwant %s from %s:\n%s", i, address, pic.From, strings.Join(show(pic), "\n"), w.address, w.from, strings.Join(w.texts, "\n"))
				}
			}
			if len(p.Pictures) < len(want.pictures) {
				t.Errorf("%d pictures: want %d", len(p.Pictures), len(want.pictures))
			}
		})
	}
}

// tiny returns a GIF or PNG as base64.
func tiny(t *testing.T, kind string, w, h int) string {
	var b bytes.Buffer
	m := image.NewGray(image.Rect(0, 0, w, h))
	var err error
	if kind == "gif" {
		err = gif.Encode(&b, m, nil)
	} else {
		err = png.Encode(&b, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// TestAddress: where the address of one picture is found, and why it is none.
func TestAddress(t *testing.T) {
	big := tiny(t, "png", 64, 40)
	for markup, want := range map[string]string{
		`<img src=a.jpg>`:                                               "http://h.example/d/a.jpg src",
		`<IMG SRC = "a.jpg" >`:                                          "http://h.example/d/a.jpg src",
		`<image src=a.jpg>`:                                             "http://h.example/d/a.jpg src",
		`<amp-img src=a.jpg></amp-img>`:                                 "http://h.example/d/a.jpg src",
		`<img src=a.jpg src=b.jpg>`:                                     "http://h.example/d/a.jpg src",
		`<img src="a.jpg?x=1&amp;y=2">`:                                 "http://h.example/d/a.jpg?x=1&y=2 src",
		`<img src="loading.gif" data-src="b.jpg">`:                      "http://h.example/d/b.jpg data-src",
		`<img src="a.jpg" data-src="">`:                                 "http://h.example/d/a.jpg src",
		`<img src="a.jpg" data-src="{{url}}/b">`:                        "http://h.example/d/a.jpg src",
		`<img src="a.jpg" data-src="true">`:                             "http://h.example/d/a.jpg src",
		`<img data-echo="/e.jpg">`:                                      "http://h.example/e.jpg data-echo",
		`<img data-lazy-src="//i.example/e.jpg">`:                       "http://i.example/e.jpg data-lazy-src",
		`<img data-unknown="e.jpg">`:                                    "no address",
		`<img>`:                                                         "no address",
		`<img src="">`:                                                  "no address",
		`<img src="#">`:                                                 "no address",
		`<img src="javascript:x()">`:                                    "scheme of no picture",
		`<img src="blob:http://h.example/1">`:                           "scheme of no picture",
		`<img src="about:blank">`:                                       "scheme of no picture",
		`<img src="file:///etc/passwd">`:                                "scheme of no picture",
		`<img src="http://[x/a.jpg">`:                                   "bad address",
		`<img src="http://u:p@h.example/a.jpg">`:                        "http://h.example/a.jpg src",
		`<img src="a.svg">`:                                             "vector or icon",
		`<img src="favicon.ico?v=2">`:                                   "vector or icon",
		`<img src="a.avif">`:                                            "unreadable format",
		`<img src="video.mp4">`:                                         "no picture",
		`<img src="/images/spacer.gif">`:                                "spacer",
		`<img src="/images/1x1.gif">`:                                   "spacer",
		`<img src="https://hm.baidu.com/hm.gif?si=1">`:                  "counter",
		`<img src="/i/Logo.png">`:                                       "ornament",
		`<img src=a.jpg width=1 height=1>`:                              "spacer",
		`<img src=a.jpg width=31 height=31>`:                            "small",
		`<img src=a.jpg width=100% height=32>`:                          "http://h.example/d/a.jpg src",
		`<img src=a.jpg style="width: 16px;height:16px">`:               "small",
		`<img src=a.jpg style="width:50%">`:                             "http://h.example/d/a.jpg src",
		`<div hidden><img src=a.jpg></div>`:                             "hidden",
		`<nav><img src=a.jpg></nav>`:                                    "menu, footer or aside",
		`<img srcset="a.jpg 1x, b.jpg 2x" src=c.jpg>`:                   "http://h.example/d/b.jpg srcset",
		`<img srcset="a.jpg 480w, b.jpg 2000w, c.jpg 4000w" src=d.jpg>`: "http://h.example/d/b.jpg srcset",
		`<img srcset="a.jpg 3000w, b.jpg 4000w">`:                       "http://h.example/d/a.jpg srcset",
		`<img srcset=" a,b.jpg 1x ,, c.jpg, d.jpg 3x">`:                 "http://h.example/d/d.jpg srcset",
		`<img srcset="data:image/gif;base64,` + tiny(t, "gif", 1, 1) + ` 1w, b.jpg" src=c.jpg>`:                                    "http://h.example/d/c.jpg src",
		`<picture><source srcset=a.avif type=image/avif><source srcset=a.webp type=image/webp><img src=a.jpg>`:                     "http://h.example/d/a.webp picture srcset",
		`<picture><source data-srcset="a.webp 800w"><img src=a.jpg></picture>`:                                                     "http://h.example/d/a.webp picture data-srcset",
		`<source srcset=x.jpg><img src=a.jpg>`:                                                                                     "http://h.example/d/a.jpg src",
		`<noscript><img src=a.jpg></noscript>`:                                                                                     "http://h.example/d/a.jpg noscript src",
		`<img src=blank.gif><noscript><img src=a.jpg></noscript>`:                                                                  "http://h.example/d/a.jpg noscript src; spacer",
		`<img data-src=b.jpg><noscript><img src=a.jpg></noscript>`:                                                                 "http://h.example/d/b.jpg data-src; noscript twin",
		`<img src=a.jpg><p><img src=a.jpg#2></p>`:                                                                                  "http://h.example/d/a.jpg src; same address",
		`<a href=large.JPG?x><img src=s.svg></a>`:                                                                                  "http://h.example/d/large.JPG?x link",
		`<img src="data:image/png;base64,` + big + `">`:                                                                            "data src",
		`<img src=" DATA:image/png;charset=x;base64,` + big[:20] + " \n" + big[20:] + `">`:                                         "data src",
		`<img src="data:image/png;base64,` + strings.TrimRight(strings.NewReplacer("+", "%2B", "/", "_").Replace(big), "=") + `">`: "data src",
		`<img src="data:image/gif;base64,` + tiny(t, "gif", 1, 1) + `">`:                                                           "spacer",
		`<img src="data:image/png;base64,` + tiny(t, "png", 16, 16) + `">`:                                                         "small",
		`<img src="data:image/svg+xml,%3Csvg/%3E">`:                                                                                "vector or icon",
		`<img src="data:text/html,<p>">`:                                                                                           "data URI of no picture",
		`<img src="data:image/png;base64,***">`:                                                                                    "bad data URI",
		`<img src="data:image/png">`:                                                                                               "bad data URI",
		`<img src="data:image/bmp,BM%00%01%02%03%04%05%06%ZZ">`:                                                                    "bad data URI",
		`<img src="data:image/bmp,BM%00%01%02%03%04%05%06">`:                                                                       "data src",
		`<img src="http://` + strings.Repeat("a", 5000) + `">`:                                                                     "address too long",
	} {
		p, err := Parse([]byte("<p>文字</p>"+markup), "http://h.example/d/p.html", "", Default())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, pic := range p.Pictures {
			at := pic.Address
			if at == "" {
				at = "data"
			}
			got = append(got, at+" "+pic.From)
		}
		for reason, n := range p.Skipped {
			got = append(got, reason)
			if n != 1 {
				t.Errorf("%s: %d skipped for %s", markup, n, reason)
			}
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%.150s: %s: want %s", markup, s, want)
		}
	}
}

// TestDataBytes: the bytes of a data URI are those that were encoded, by base64 and by percent.
func TestDataBytes(t *testing.T) {
	packed := tiny(t, "png", 64, 40)
	data, _ := base64.StdEncoding.DecodeString(packed)
	var percent strings.Builder
	for _, c := range data {
		fmt.Fprintf(&percent, "%%%02x", c)
	}
	for _, uri := range []string{"data:image/png;base64," + packed, "data:image/png," + percent.String()} {
		p := parse(t, []byte("<img alt=一幅图画 src='"+uri+"'>"), Default())
		if len(p.Pictures) != 1 || !bytes.Equal(p.Pictures[0].Data, data) {
			t.Errorf("%.40s: %+v", uri, p.Pictures)
		}
		o := Default()
		o.DataBytes = len(data) - 1
		if p := parse(t, []byte("<img src='"+uri+"'>"), o); p.Skipped["data URI too large"] != 1 {
			t.Errorf("%.40s: skipped %v", uri, p.Skipped)
		}
	}
}

// TestLocal: addresses on a page from a folder are paths, and never lead above the folder's root.
func TestLocal(t *testing.T) {
	for _, c := range [][4]string{
		{"help/zh/a.html", "", "img/x.png", "help/zh/img/x.png"},
		{"help/zh/a.html", "", "../x.png", "help/x.png"},
		{"help/zh/a.html", "", "../../../../etc/passwd.png", "etc/passwd.png"},
		{"help/zh/a.html", "", "/etc/x.png", "etc/x.png"},
		{"help/zh/a.html", "", "%2e%2e/%2e%2e/%2e%2e/x.png", "x.png"},
		{"help/zh/a.html", "../../", "media/x.png", "media/x.png"},
		{"/data/help/a.html", "", "x%20y.png", "/data/help/x y.png"},
		{"help/a.html", "", "图.png?v=1", "help/图.png"},
		{"help/a.html", "", "//cdn.example/x.png", "https://cdn.example/x.png"},
		{"help/a.html", "", "http://cdn.example/x.png", "http://cdn.example/x.png"},
		{"help/a.html", "https://s.example/b/", "x.png", "https://s.example/b/x.png"},
		{"s3://bucket/help/a.html", "", "../x.png", "s3://bucket/x.png"},
		{"file:///data/help/a.html", "", "x.png", "file:///data/help/x.png"},
		{"", "", "x.png", "x.png"},
	} {
		b := newBase(c[0], c[1])
		if got, reason := b.resolve(c[2]); got != c[3] {
			t.Errorf("page %q, base %q, %q: %q %s: want %q", c[0], c[1], c[2], got, reason, c[3])
		}
	}
}

// TestAround: which texts are chosen, by options.
func TestAround(t *testing.T) {
	const page = `<title>题目是春天的河</title><h2>第一节的标题</h2><p>前面的一段。它有两句话！</p><div><p>中间的一段文字。</p>
		<p><a href=x title=链接的标题>链接的文字<img src=a.jpg alt=图片的说明 title=鼠标的说明 aria-label=读屏的说明></a></p></div><p>后面的一段。</p><p>再后面的一段。</p>
		<h2>第二节的标题</h2><p>第二节的文字。</p><p><img src=b.jpg alt=IMG_2031.JPG></p><p><img src=c.jpg></p><p>最后的一段。</p>`
	texts := func(edit func(*Options)) [][]string {
		o := Default()
		edit(&o)
		var out [][]string
		for _, pic := range parse(t, []byte(page), o).Pictures {
			out = append(out, show(pic))
		}
		return out
	}
	for name, c := range map[string]struct {
		edit func(*Options)
		want [][]string
	}{
		"default": {func(o *Options) {}, [][]string{
			{"alt 0 图片的说明", "paragraph_after 5 后面的一段。", "paragraph_before 4 中间的一段文字。", "aria 0 读屏的说明", "title 0 鼠标的说明", "link 1 链接的文字", "heading 5 第一节的标题", "page 0 题目是春天的河"},
			{"paragraph_before 3 第二节的文字。", "heading 3 第二节的标题", "page 0 题目是春天的河"},
			{"paragraph_after 3 最后的一段。", "heading 3 第二节的标题", "page 0 题目是春天的河"}}},
		"order and kinds": {func(o *Options) { o.Kinds = []string{FoundHeading, FoundAlt} }, [][]string{{"heading 5 第一节的标题", "alt 0 图片的说明"}, {"heading 3 第二节的标题"}, {"heading 3 第二节的标题"}}},
		"one text":        {func(o *Options) { o.Texts = 1 }, [][]string{{"alt 0 图片的说明"}, {"paragraph_before 3 第二节的文字。"}, {"paragraph_after 3 最后的一段。"}}},
		"distance":        {func(o *Options) { o.Distance = 3; o.Kinds = []string{FoundAfter, FoundBefore, FoundHeading} }, [][]string{nil, {"paragraph_before 3 第二节的文字。", "heading 3 第二节的标题"}, {"paragraph_after 3 最后的一段。", "heading 3 第二节的标题"}}},
		"more paragraphs": {func(o *Options) { o.Paragraphs = 2; o.Kinds = []string{FoundAfter, FoundBefore} }, [][]string{
			{"paragraph_after 5 后面的一段。", "paragraph_after 5 再后面的一段。", "paragraph_before 4 中间的一段文字。", "paragraph_before 5 前面的一段。它有两句话！"}, {"paragraph_before 3 第二节的文字。"}, {"paragraph_after 3 最后的一段。"}}},
		"across": {func(o *Options) { o.Cross = true; o.Kinds = []string{FoundAfter, FoundBefore} }, [][]string{
			{"paragraph_after 5 后面的一段。", "paragraph_before 4 中间的一段文字。"}, {"paragraph_after 3 最后的一段。", "paragraph_before 3 第二节的文字。"}, {"paragraph_after 3 最后的一段。", "paragraph_before 3 第二节的文字。"}}},
		"names": {func(o *Options) { o.Names = true; o.Kinds = []string{FoundAlt} }, [][]string{{"alt 0 图片的说明"}, {"alt 0 IMG_2031.JPG"}, nil}},
		"length": {func(o *Options) {
			o.LeastChars, o.MostChars, o.Kinds = 7, 7, []string{FoundAfter, FoundBefore, FoundPage}
		}, [][]string{{"paragraph_after 5 再后面的一段。", "page 0 题目是春天的河"}, {"paragraph_before 3 第二节的文字。", "page 0 题目是春天的河"}, {"page 0 题目是春天的河"}}},
		"none": {func(o *Options) { o.Kinds = nil }, [][]string{nil, nil, nil}},
		"off":  {func(o *Options) { o.Pictures = false }, nil},
		"most": {func(o *Options) { o.Most, o.Kinds = 1, nil }, [][]string{nil}},
	} {
		if got := texts(c.edit); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

// TestAroundForms: captions and neighbours in the forms that pages use.
func TestAroundForms(t *testing.T) {
	for markup, want := range map[string][]string{
		`<figure><img src=a.jpg><figcaption><p>第一行，</p><p>第二行。</p></figcaption></figure>`:                        {"figcaption 2 第一行， 第二行。"},
		`<figure><figcaption>说明在前</figcaption><img src=a.jpg></figure>`:                                          {"figcaption 2 说明在前"},
		`<figure><img src=a.jpg></figure><figure><img src=a.svg><figcaption>别人的说明</figcaption></figure>`:         nil,
		`<div><img src=a.jpg><div class="img-caption">类名说它是说明</div></div>`:                                       {"caption 2 类名说它是说明"},
		`<p><img src=a.jpg></p><p>图3：大桥合龙的一刻</p><p>正文从这里开始。</p>`:                                                 {"caption 3 图3：大桥合龙的一刻", "paragraph_after 3 正文从这里开始。"},
		`<p>正文到这里结束。</p><p>图一 大桥的夜景</p><p><img src=a.jpg></p>`:                                                   {"caption 3 图一 大桥的夜景", "paragraph_before 3 正文到这里结束。"},
		`<p>图书馆下个月整修。</p><img src=a.jpg>`:                                                                        {"paragraph_before 2 图书馆下个月整修。"},
		`<p>句子里<img src=a.jpg>有一幅图。</p>`:                                                                         {"paragraph 1 句子里有一幅图。"},
		`<table><tr><td><img src=a.jpg></td><td>右边格子的说明</td></tr></table>`:                                       {"paragraph 3 右边格子的说明"},
		`<div><div><img src=a.jpg></div><h3>卡片的名字</h3><p>卡片的说明。</p></div>`:                                       {"paragraph_after 3 卡片的说明。", "heading 3 卡片的名字"},
		`<h2>很远的标题</h2><p>中间一段。</p><h3>近的标题</h3><img src=a.jpg>`:                                                 {"heading 2 近的标题"},
		`<img src=a.jpg aria-describedby="u v"><span id=u>描述甲的文字</span><span id=v>描述乙的文字</span>`:                 {"paragraph 1 描述甲的文字描述乙的文字", "aria 2 描述甲的文字", "aria 2 描述乙的文字"},
		`<a href=x title=链接的标题><img src=a.jpg></a>`:                                                              {"link 1 链接的标题"},
		`<img src=a.jpg alt="点击查看大图"><img src=b.svg alt=不要的图>`:                                                   nil,
		`<img src=a.jpg alt="照片 12"><p><a href=1>一个链接</a> <a href=2>又一个链接</a></p>`:                               nil,
		`<img src=a.jpg><p>版权所有 春天网</p><p>真正的一段。</p>`:                                                            {"paragraph_after 2 真正的一段。"},
		`<img src=a.jpg><aside><p>旁边的广告文字。</p></aside><p>真正的一段。</p>`:                                             {"paragraph_after 2 真正的一段。"},
		`<p>一句。` + strings.Repeat("很长的句子", 30) + `。` + strings.Repeat("又长的句子", 30) + `。末句在此。</p><img src=a.jpg>`: {"paragraph_before 2 " + strings.Repeat("又长的句子", 30) + `。末句在此。`},
		`<img src=a.jpg><p>首句在此。` + strings.Repeat("很长的句子", 30) + `。` + strings.Repeat("又长的句子", 30) + `。</p>`:    {"paragraph_after 2 首句在此。" + strings.Repeat("很长的句子", 30) + "。"},
		`<img src=a.jpg><p>` + strings.Repeat("没有句号", 100) + `</p>`:                                              nil,
	} {
		p, err := Parse([]byte("<body>"+markup), "http://h.example/d/p.html", "", Default())
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Pictures) == 0 {
			t.Errorf("%s: no picture, skipped %v", markup, p.Skipped)
			continue
		}
		if got := show(p.Pictures[0]); !reflect.DeepEqual(got, want) {
			t.Errorf("%.160s:\n got %q\nwant %q", markup, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, s := range []string{"IMG_2031.JPG", "a.png", "图片", "图片1", "image", "Photo (3)", "DSC0042", "微信图片_20210815", "https://a.example/x", "12345", "点击查看大图", "—", "logo"} {
		if !isName(s) {
			t.Errorf("isName(%q) = false", s)
		}
	}
	for _, s := range []string{"图片展览开幕", "image of a bridge", "清晨的湖", "Photo by Zhang San", "第12页", "海"} {
		if isName(s) {
			t.Errorf("isName(%q) = true", s)
		}
	}
}
