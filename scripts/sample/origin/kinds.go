package origin

// Kind is a thing that composed scenes show: an emoji, its name, and the measure word that counts it.
type Kind struct {
	Code    string // the emoji's code points in hexadecimal
	Name    string
	Measure string
}

// kinds are the forty things of the scenes: drawn unlike each other, clear at 20 pixels, each with a measure word that nobody disputes.
var kinds = []Kind{
	{"1F34E", "红苹果", "个"}, {"1F34C", "香蕉", "根"}, {"1F431", "猫脸", "张"}, {"1F436", "狗脸", "张"}, {"1F697", "汽车", "辆"},
	{"1F3E0", "房子", "座"}, {"1F333", "落叶树", "棵"}, {"1F490", "鲜花", "束"}, {"1F41F", "鱼", "条"}, {"1F438", "青蛙", "只"},
	{"1F427", "企鹅", "只"}, {"1F418", "大象", "头"}, {"1F40C", "蜗牛", "只"}, {"1F98B", "蝴蝶", "只"}, {"1F347", "葡萄", "串"},
	{"1F353", "草莓", "颗"}, {"1F349", "西瓜", "块"}, {"1F355", "比萨", "块"}, {"1F382", "生日蛋糕", "个"}, {"2615", "热饮", "杯"},
	{"1F6B2", "自行车", "辆"}, {"2708", "飞机", "架"}, {"1F680", "火箭", "枚"}, {"1F511", "钥匙", "把"}, {"2602", "雨伞", "把"},
	{"1F3B8", "吉他", "把"}, {"1F451", "皇冠", "顶"}, {"1F45E", "鞋", "只"}, {"231A", "手表", "块"}, {"1F4F7", "相机", "台"},
	{"26BD", "足球", "个"}, {"1F384", "圣诞树", "棵"}, {"1F33B", "向日葵", "朵"}, {"1F335", "仙人掌", "棵"}, {"1F419", "章鱼", "只"},
	{"1F422", "龟", "只"}, {"1F984", "独角兽", "匹"}, {"1F388", "气球", "个"}, {"1F4D5", "书", "本"}, {"1F514", "铃铛", "个"},
}

// Ground is a background colour and its name.
type Ground struct {
	Name string
	RGB  [3]uint8
}

var grounds = []Ground{
	{"红色", [3]uint8{230, 90, 90}}, {"黄色", [3]uint8{245, 225, 110}}, {"蓝色", [3]uint8{120, 160, 235}},
	{"绿色", [3]uint8{140, 210, 140}}, {"白色", [3]uint8{255, 255, 255}}, {"灰色", [3]uint8{160, 160, 160}},
}

// numerals count 1 to 3 before a measure word: 2 is 两 there, not 二.
var numerals = [4]string{1: "一", 2: "两", 3: "三"}

// Direction names where the first thing of a pair is, seen from the second.
type Direction struct {
	Side, Opposite string
	DX, DY         int // the sign of first minus second, in pixels (y grows downwards)
}

var directions = []Direction{{"左边", "右边", -1, 0}, {"右边", "左边", 1, 0}, {"上面", "下面", 0, -1}, {"下面", "上面", 0, 1}}
