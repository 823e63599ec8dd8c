package origin

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"m6lab/datasets"
)

// HelpPage is one page of the office suite's help.
type HelpPage struct {
	Path     string // below the language's folder
	Sections []HelpSection
}

// HelpSection is a heading and the paragraphs below it, in order.
type HelpSection struct {
	Heading    string
	Paragraphs []string
}

// HelpPages reads every page, in the order of their paths.
func HelpPages(f Fetcher) ([]HelpPage, error) {
	dir, err := f.Fetch(OfficeHelp)
	if err != nil {
		return nil, err
	}
	root := filepath.Join(dir, "usr/share/libreoffice/help/zh-CN/text")
	var pages []HelpPage
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".html" {
			return err
		}
		doc, err := parseHTML(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if area := find(doc, func(n *html.Node) bool { return attribute(n, "id") == "DisplayArea" }); area != nil {
			pages = append(pages, HelpPage{filepath.ToSlash(name), sections(area)})
		}
		return err
	})
	return pages, err
}

// find returns the first node below n, depth first, that match accepts.
func find(n *html.Node, match func(*html.Node) bool) *html.Node {
	if match(n) {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if found := find(c, match); found != nil {
			return found
		}
	}
	return nil
}

var headingTag = regexp.MustCompile(`^h[1-6]$`)

func sections(area *html.Node) []HelpSection {
	list := []HelpSection{{}}
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if isSkipped(n) {
			return
		}
		last := &list[len(list)-1]
		switch {
		case n.Type == html.ElementNode && headingTag.MatchString(n.Data):
			list = append(list, HelpSection{Heading: textOf(n)})
			return
		case n.Type == html.ElementNode && n.Data == "p":
			if class := attribute(n, "class"); class == "" || class == "paragraph" || class == "listitem" {
				last.Paragraphs = append(last.Paragraphs, textOf(n))
			}
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(area)
	return list
}

type helpMeta struct {
	Page    string `json:"page"`
	Heading string `json:"heading,omitempty"`
	Kind    string `json:"kind,omitempty"` // of a question: function or how-to
	Package string `json:"package"`
	Licence string `json:"licence"`
}

// split keeps a page together.
func (p HelpPage) split() string { return share(20, "page", p.Path) }

func (p HelpPage) meta(s HelpSection, kind string) string {
	return mustJSON(helpMeta{p.Path, s.Heading, kind, OfficeHelp.Name + " " + OfficeHelp.Version, OfficeHelp.Licence})
}

// HelpOptions bounds what is taken of the help.
type HelpOptions struct {
	Prose   proseRule // of a paragraph
	Answer  int       // characters of an answer at most
	PerPage int       // paragraphs of one page at most
}

// HelpRows makes a row of every good paragraph, and a question with its answer of every heading that asks for one: a function's name, or a task. What became an
// answer is not a paragraph again, and no page is divided between splits.
func HelpRows(pages []HelpPage, o HelpOptions, report *Report) []Row {
	known := map[string]bool{}
	var rows []Row
	for _, p := range pages {
		for _, s := range p.Sections {
			row, ok := p.question(s, o.Answer)
			row.Split = p.split()
			if ok && !known[row.Answer] && !known[row.Question] {
				known[row.Answer], known[row.Question] = true, true
				for _, paragraph := range s.Paragraphs {
					known[paragraph] = known[paragraph] || strings.Contains(row.Answer, paragraph)
				}
				rows = append(rows, row)
			}
		}
		rows = append(rows, p.paragraphs(o, known, report)...)
	}
	return rows
}

func (p HelpPage) paragraphs(o HelpOptions, known map[string]bool, report *Report) []Row {
	var rows []Row
	split := p.split()
	for _, s := range p.Sections {
		for _, text := range s.Paragraphs {
			reason := o.Prose.fault(text)
			switch {
			case reason != "":
				report.Drop("help", reason)
			case known[text]:
				report.Drop("help", "a duplicate, or an answer")
			case len(rows) == o.PerPage:
				report.Drop("help", "more than "+itoa(o.PerPage)+" of one page")
			default:
				known[text] = true
				id := "help-" + pageID(p.Path) + "-" + itoa(len(rows)+1)
				rows = append(rows, Row{Split: split, Example: datasets.Example{ID: id, Source: "help", Text: text, Meta: p.meta(s, "")}})
			}
		}
	}
	return rows
}

func pageID(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(path, ".html"), "/", ".")
}

var (
	functionName = regexp.MustCompile(`^[A-Z][A-Z0-9.]+$`)
	taskVerbs    = []string{"使用", "插入", "添加", "创建", "更改", "删除", "选择", "设置", "编辑", "复制", "打开", "保存", "打印", "显示", "隐藏", "转换", "移动", "导入", "导出",
		"计算", "定义", "自定义", "应用", "查找", "替换", "排序", "筛选", "合并", "拆分", "链接", "格式化", "输入", "启用", "禁用", "记录", "调整", "旋转", "对齐", "锁定", "保护", "比较", "更新",
		"将", "在", "为", "用", "从", "防止", "重复", "切换", "绘制", "录制", "发送", "命名", "组合", "分割", "修改", "管理", "重新", "避免", "取消", "关闭", "缩放", "放大", "翻转", "裁剪"}
)

// question makes `函数 SQRT 有什么用？` or `如何筛选数据透视表？` of a section.
func (p HelpPage) question(s HelpSection, limit int) (Row, bool) {
	question, kind, answer := "", "", ""
	switch {
	case functionName.MatchString(s.Heading) && strings.HasPrefix(p.Path, "scalc/"):
		question, kind = "函数 "+s.Heading+" 有什么用？", "function"
		answer = firstProse(s.Paragraphs, 1, proseRule{8, limit, 60})
	case strings.Contains(p.Path, "/guide/") && task(s.Heading):
		question, kind = "如何"+s.Heading+"？", "how-to"
		answer = firstProse(s.Paragraphs, 4, proseRule{8, limit, 60})
	}
	if answer == "" {
		return Row{}, false
	}
	id := "qa-" + pageID(p.Path) + "-" + itoa(int(hash(question)%1000000))
	return Row{Example: qaRow(id, question, answer, p.meta(s, kind))}, true
}

// task tells whether a heading names something to do, in Chinese words only.
func task(heading string) bool {
	n := len([]rune(heading))
	return n >= 4 && n <= 24 && balanced(heading) && !strings.ContainsAny(heading, "。，：？!:,;") &&
		slices.ContainsFunc(taskVerbs, func(v string) bool { return strings.HasPrefix(heading, v) })
}

// firstProse joins up to n good paragraphs from the first on, as long as they keep within the rule's length together; empty when the first one is not good.
func firstProse(paragraphs []string, n int, rule proseRule) string {
	answer := ""
	for _, p := range paragraphs[:min(n, len(paragraphs))] {
		if rule.fault(p) != "" || len([]rune(answer+p)) > rule.high {
			break
		}
		answer += p
	}
	return answer
}
