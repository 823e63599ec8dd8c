package page_test

import (
	"fmt"

	"m6lab/datasets/page"
)

func ExampleParse() {
	body := []byte(`<title>黄山云海 - 某某网</title><ul class="nav"><li><a href="/">首页</a></ul>
		<h1>黄山云海</h1><p>五月的清晨，黄山的云海从山谷里升起来，游客们站在石阶上等待日出。</p>
		<figure><img src="blank.gif" data-src="/photo/sea.jpg" alt="云海中的松树"><figcaption>清晨的云海</figcaption></figure>`)
	p, err := page.Parse(body, "https://example.org/travel/1.html", "", page.Default())
	if err != nil {
		panic(err)
	}
	fmt.Println(p.Title)
	fmt.Println(p.Text)
	for _, picture := range p.Pictures {
		fmt.Println(picture.Address, "from", picture.From)
		for _, a := range picture.Texts {
			fmt.Println(a.Found, a.Distance, a.Text)
		}
	}
	// Output:
	// 黄山云海
	// 黄山云海
	// 五月的清晨，黄山的云海从山谷里升起来，游客们站在石阶上等待日出。
	// 清晨的云海
	// https://example.org/photo/sea.jpg from data-src
	// figcaption 2 清晨的云海
	// alt 0 云海中的松树
	// paragraph_before 3 五月的清晨，黄山的云海从山谷里升起来，游客们站在石阶上等待日出。
	// heading 3 黄山云海
}

func ExampleDecode() {
	body := []byte("<meta charset=gb2312><p>春天来了，小河边的柳树发了芽。</p>") // it says gb2312 and is UTF-8
	text, charset, bad := page.Decode(body, "")
	fmt.Println(page.Strip(text), charset, bad)
	// Output: 春天来了，小河边的柳树发了芽。 utf-8 0
}

func ExampleStrip() {
	fmt.Println(page.Strip(`<b>一</b>加一&lt;三<br><script>x()</script>换行`))
	// Output:
	// 一加一<三
	// 换行
}
