package near_test

import (
	"fmt"
	"slices"

	"m6lab/datasets/near"
)

// Three workers' keys, one bucket at a time, and the files' lists of what they drop.
func Example() {
	f, err := near.New(near.Default())
	if err != nil {
		fmt.Println(err)
		return
	}
	files := [][]string{
		{"春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。", "白日依山尽，黄河入海流。"},
		{"床前明月光，疑是地上霜。"},
		{"白日依山尽 黄河入海流", "红豆生南国，春来发几枝。"},
	}
	keys := make([]near.Keys, len(files))
	for file, texts := range files {
		for record, text := range texts {
			doc, _ := near.Number(file, record)
			if err := f.Add(&keys[file], doc, text); err != nil {
				fmt.Println(err)
			}
		}
	}
	var lists [][]byte
	for bucket := range near.Buckets {
		var packed [][]byte
		for i := range keys {
			packed = append(packed, keys[i].Bucket(near.EqualTexts, bucket))
		}
		drop, _, err := f.Duplicates(near.EqualTexts, packed)
		if err != nil {
			fmt.Println(err)
		}
		lists = append(lists, drop)
	}
	drops, _ := near.Drops(lists...)
	for _, d := range drops {
		file, record := near.Place(d.Doc)
		of, kept := near.Place(d.Kept)
		fmt.Printf("record %d of file %d repeats record %d of file %d\n", record, file, kept, of)
	}
	// Output: record 0 of file 2 repeats record 1 of file 0
}

func ExampleIndex() {
	x, err := near.BuildIndex(slices.Values([]near.Passage{
		{Set: "vqa", ID: "17", Text: "图里一共有几只绿色的青蛙坐在荷叶上？\n三只"},
	}), near.DefaultIndexOptions())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x.Hit("请问：图里一共有几只绿色的青蛙坐在荷叶上"))
	// Output: vqa: 17: 图里一共有几只绿色的青蛙坐在荷叶上？ 三只 true
}

func ExampleTextOptions_Probability() {
	for _, j := range []float64{0.5, 0.6, 0.7, 0.8, 0.9, 0.95} {
		fmt.Printf("%.2f %.3f\n", j, near.Default().Texts.Probability(j))
	}
	// Output:
	// 0.50 0.001
	// 0.60 0.035
	// 0.70 0.325
	// 0.80 0.874
	// 0.90 0.999
	// 0.95 1.000
}
