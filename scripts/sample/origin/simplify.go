package origin

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/liuzl/gocc"
)

// simplifier turns traditional characters into simplified ones.
var simplifier = sync.OnceValues(func() (*gocc.OpenCC, error) { return gocc.New("t2s") })

// simplify converts a text and then its rare variants, which the converter's tables leave as they are.
func simplify(s string) (string, error) {
	cc, err := simplifier()
	if err != nil {
		return "", fmt.Errorf("conversion to simplified characters: %w", err)
	}
	out, err := cc.Convert(reigns.ReplaceAllString(s, heaven+"$1"))
	if err != nil {
		return "", fmt.Errorf("conversion to simplified characters: %w", err)
	}
	return variants.Replace(out), nil
}

// heaven stands for 乾 (qián) where it must not become 干: in the names of reigns and a few words.
const heaven = "\uE000"

var reigns = regexp.MustCompile(`乾([寧宁符封化德祐佑元亨貞貞興道陵坤隆曜])`)

// variants maps old printings' forms to today's.
var variants = strings.NewReplacer(
	heaven, "乾",
	"疎", "疏", "劒", "剑", "鴈", "雁", "猨", "猿", "遶", "绕", "慙", "惭", "簷", "檐", "霑", "沾", "鬬", "斗", "徧", "遍",
	"櫂", "棹", "幷", "并", "斾", "旆", "媿", "愧", "谿", "溪", "嬾", "懒", "蘂", "蕊", "褭", "袅", "覩", "睹", "臯", "皋",
	"珮", "佩", "廻", "回", "秪", "只", "飜", "翻", "髪", "发", "煖", "暖", "暎", "映", "翫", "玩", "歛", "敛", "桮", "杯",
	"隣", "邻", "妬", "妒", "檝", "楫", "呌", "叫", "竝", "并", "燄", "焰", "顇", "悴", "顦", "憔", "罇", "樽", "荅", "答",
	"鼇", "鳌", "鏁", "锁", "髣", "仿", "髴", "佛", "羇", "羁", "逈", "迥", "鵶", "鸦", "僊", "仙", "嚬", "颦", "讐", "仇",
	"隄", "堤", "緜", "绵", "缾", "瓶", "壻", "婿", "毬", "球", "栢", "柏", "麤", "粗", "粧", "妆", "棃", "梨", "鸎", "莺",
	"筯", "箸", "牓", "榜", "碁", "棋", "秖", "只", "帬", "裙", "懃", "勤", "牕", "窗", "醆", "盏", "藂", "丛", "趂", "趁",
	"彊", "强", "槃", "盘", "邨", "村", "懽", "欢", "悮", "误", "飡", "餐", "虵", "蛇", "椀", "碗", "衞", "卫", "埽", "扫", "慇", "殷", "徴", "征",
)
