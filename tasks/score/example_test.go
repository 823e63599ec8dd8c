package score_test

import (
	"fmt"

	"m6lab/tasks/score"
)

func ExampleTokens() {
	fmt.Printf("%q\n", score.Tokens("买iPhone15，送AirPods 2代"))
	// Output:
	// ["买" "iPhone15" "，" "送" "AirPods" "2" "代"]
}

func ExampleCaption() {
	references := map[string][]string{
		"1": {"红色背景上有两个红苹果。"},
		"2": {"蓝色背景上，猫脸在狗脸的左边。", "蓝色背景上，狗脸在猫脸的右边。"},
	}
	predictions := map[string]string{"1": "红色背景上有三个红苹果。", "2": "蓝色背景上，狗脸在猫脸的右边。"}
	scores, err := score.Caption(references, predictions)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("BLEU-4 %.3f, ROUGE-L %.3f, CIDEr-D %.3f\n", scores["bleu4"], scores["rouge_l"], scores["cider_d"])
	// Output:
	// BLEU-4 0.889, ROUGE-L 0.958, CIDEr-D 7.153
}
