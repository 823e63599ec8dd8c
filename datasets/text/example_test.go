package text_test

import (
	"fmt"
	"slices"
	"strings"

	"m6lab/datasets/text"
)

func ExampleTokenizer_Encode() {
	t := text.New(text.BertChinese(), text.Options{Lower: true})
	ids := t.Encode("M6模型")
	for _, id := range ids {
		fmt.Println(id, t.Vocab().Token(id))
	}
	// Output:
	// 155 m
	// 8158 ##6
	// 3563 模
	// 1798 型
}

func ExampleTokenizer_EncodeOffsets() {
	s := "一只Café猫"
	ids, spans := text.New(text.BertChinese(), text.Options{Lower: true}).EncodeOffsets(s)
	for i, span := range spans {
		fmt.Println(ids[i], s[span.Start:span.End])
	}
	// Output:
	// 671 一
	// 1372 只
	// 8377 Café
	// 4344 猫
}

func ExampleOptions_keepPunctuation() {
	s := "他说：“好……”"
	fmt.Println(text.New(text.BertChinese(), text.Options{}).Encode(s))
	t := text.New(text.BertChinese(), text.Options{KeepPunctuation: true})
	fmt.Println(t.Encode(s))
	fmt.Println(t.Decode(t.Encode(s)))
	// Output:
	// [800 6432 8038 100 1962 100 100 100]
	// [800 6432 8038 1 1962 6 6 2]
	// 他说：“好……”
}

func ExampleTrain() {
	v, err := text.Train(slices.Values([]string{"一只狗", "一只猫", "cat cat"}), 20, text.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.ReplaceAll(string(v.Bytes()), "\n", " "))
	// Output:
	// [PAD] [UNK] [CLS] [SEP] [MASK] a c t 一 只 狗 猫 ##a ##c ##t ca cat
}
