package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleSparkline() {
	fmt.Println(viz.Sparkline([]float64{9, 8, 6.5, 5.2, 4.4, 3.9, 3.6, 3.4, 3.3, 3.2}, 10))
	// Output: █▇▅▃▂▂▁▁▁▁
}
