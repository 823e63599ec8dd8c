package clean_test

import (
	"fmt"

	"m6lab/datasets/clean"
)

// The recipe's rules on one document, and what they did to it, sentence by sentence.
func ExampleCleaner() {
	o := clean.Default()
	o.Words.Lists = []clean.WordList{{File: "testdata/words/neutral.txt", Category: "spam"}}
	o.Perplexity.On = false
	c, err := clean.New(o)
	if err != nil {
		fmt.Println(err)
		return
	}
	text := clean.Text{Source: "web", Body: "<p>這家店的麵很好吃！！！</p>加微信領券。電話13800138000，歡迎光臨。"}
	reason := c.Clean(&text, func(rule, before, after string) {
		fmt.Printf("%-15s %q -> %q\n", rule, before, after)
	})
	fmt.Printf("dropped: %q\n%s\n", reason, text.Body)
	// Output:
	// markup          "<p>這家店的麵很好吃！！！" -> "\n這家店的麵很好吃！！！"
	// markup          "</p>加微信領券。" -> "\n加微信領券。"
	// simplify        "這家店的麵很好吃！！！\n" -> "这家店的面很好吃！！！\n"
	// simplify        "加微信領券。" -> "加微信领券。"
	// simplify        "電話13800138000，歡迎光臨。" -> "电话13800138000，欢迎光临。"
	// punctuation     "这家店的面很好吃！！！\n" -> "这家店的面很好吃！\n"
	// characters      "\n" -> ""
	// personal        "电话13800138000，欢迎光临。" -> "电话[PHONE]，欢迎光临。"
	// words: spam 加微信 "加微信领券。" -> ""
	// dropped: ""
	// 这家店的面很好吃！
	// 电话[PHONE]，欢迎光临。
}

// Quotes and brackets stay with their sentence, points in numbers and abbreviations end none.
func ExampleSentences() {
	for s := range clean.Sentences("他说：“好。走吧！”圆周率约为3.14。Dr. Wang came. 完……") {
		fmt.Printf("[%s]\n", s)
	}
	// Output:
	// [他说：“好。走吧！”]
	// [圆周率约为3.14。]
	// [Dr. Wang came. ]
	// [完……]
}
