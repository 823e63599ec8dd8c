package source

import (
	"strings"
	"testing"
	"time"
)

func TestWikitext(t *testing.T) {
	s := &site{hidden: map[string]bool{"file": true, "文件": true, "category": true, "分类": true}}
	for _, test := range [][2]string{
		{"普通文字。", "普通文字。"},
		{"'''粗体'''和''斜体''，it's", "粗体和斜体，it's"},
		{"[[链接]]、[[目标|文字]]、[[目标#节|节]]、[[目标 (消歧义)|]]", "链接、文字、节、目标"},
		{"[[File:a.png|thumb|说明[[链接]]和{{模板}}]]之后", "之后"},
		{"[[文件:a.png|说明]]甲[[分类:乙]][[Category:丙]]", "甲"},
		{"[[:Category:丙]]", "Category:丙"},
		{"[[en:Article]]甲", "甲"},
		{"[http://x.cn 说明]甲[http://x.cn]乙[//x.cn 丙]", "说明甲乙丙"},
		{"见[http://x.cn [[链接]]后]", "见链接后"},
		{"[不是链接] [[没有关", "[不是链接] 没有关"},
		{"甲{{模板|a={{内|b}}|[[c|d]]}}乙", "甲乙"},
		{"{{lang|en|Hello}} {{lang-fr|Bonjour}} {{nowrap|甲 乙}}", "Hello Bonjour 甲 乙"},
		{"{{le|中文名|English}}和{{le|目标|English|显示}}", "中文名和显示"},
		{"{{tsl|en|English|本地|显示}}{{formatnum:12345}}", "显示12345"},
		{"{{Lang|1=en|2=a=b}}", "a=b"},
		{"甲{{没有关\n乙", "甲没有关\n乙"},
		{"甲}}乙", "甲}}乙"},
		{"甲\n{| class=\"wikitable\"\n! 头\n|-\n| 格 || [[格]] {{x|y}}\n|}\n乙", "甲\n乙"},
		{"甲\n{|\n| a\n{|\n| 内\n|}\n| b\n|}乙", "甲\n乙"},
		{"甲<ref name=\"a\">{{cite|b}}</ref>乙<ref name=a />丙<REF>x</Ref >丁", "甲乙丙丁"},
		{"甲<ref>没有关乙", "甲没有关乙"},
		{"甲<!-- 注\n释 -->乙", "甲乙"},
		{"甲<br/>乙<br>丙<span style=\"x\">丁</span>", "甲\n乙\n丙丁"},
		{"<nowiki>[[甲]] '''</nowiki>乙", "[[甲]] '''乙"},
		{"1 < 2 且 3 > 2", "1 < 2 且 3 > 2"},
		{"<math>x^2</math>甲<gallery>\na.png\n</gallery>乙", "甲乙"},
		{"&lt;b&gt; &amp;nbsp; &#20013;", "<b> &nbsp; 中"},
		{"* 甲\n** 乙\n# 丙\n: 丁\n----\n;戊", "甲\n乙\n丙\n丁\n戊"},
		{"== 标题 ==\n正文\n=== 小 ===\n文\n== 空 ==\n== 参考文献 ==\n* 书\n=== 其他 ===\n* 书\n== 尾 ==\n完", "标题\n正文\n小\n文\n尾\n完"},
		{"a = b\n= b =", "a = b"},
		{"甲（{{lang-en|}}，）乙（，丙）", "甲乙（丙）"},
		{"__NOTOC__甲__目录__", "甲"},
		{"-{zh-hans:计算机;zh-hant:電腦}-和-{zh-tw:軟體;zh-cn:软件;}-", "计算机和软件"},
		{"-{甲}-、-{H|zh-cn:乙;zh-tw:丙}-、-{A|zh-cn:丁;zh-tw:戊}-、-{zh-tw:己}-", "甲、、丁、己"},
		{"-{zh-hans|简}-", "简"},
		{"甲-{没有关", "甲没有关"},
		{"{{{1|默认}}}", "}"},
		{"", ""},
	} {
		if got := string(s.plain(test[0], "")); got != test[1] {
			t.Errorf("%q:\n got %q\nwant %q", test[0], got, test[1])
		}
	}
}

// TestWikitextTime: markup that nests or repeats without end takes time in proportion to its size.
func TestWikitextTime(t *testing.T) {
	s := &site{}
	for _, piece := range []string{"{{", "[[", "{|\n", "<ref>", "<!--", "-{", "[http://x ", "{{a|", "]]", "}}", "|", "'", "<nowiki>", "</", "<a ", "==", "\n:{|", "_", "__", " :", "{{}}", "-{a|", "（", "（，"} {
		start := time.Now()
		s.plain(strings.Repeat(piece, 1<<20/len(piece)), "")
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("1 MB of %q takes %v", piece, took)
		}
	}
}
