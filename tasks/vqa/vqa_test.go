package vqa

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"m6lab/datasets"
	"m6lab/tasks"
)

func TestFigures(t *testing.T) {
	question := func(kind, answer string) datasets.Example {
		return datasets.Example{Answer: answer, Meta: `{"type":"` + kind + `"}`}
	}
	frequent := Frequent([]datasets.Example{
		question("number", "三只"), question("number", "两只"), question("number", "三只"), question("color", "红色"), question("color", "蓝色"), {Answer: "是"},
	}, func(s string) string { return s })
	if diff := cmp.Diff(map[string]string{"number": "三只", "color": min("红色", "蓝色"), "other": "是"}, frequent); diff != "" {
		t.Errorf("most frequent answers (-want +got):\n%s", diff)
	}
	cases := []tasks.Case{
		{Part: "number", Truth: []string{"三只"}, Right: true}, {Part: "number", Truth: []string{"一只"}, Right: true}, {Part: "color", Truth: []string{"绿色"}},
	}
	type row struct {
		Part            string
		N               int
		Model, Baseline int
	}
	var got []row
	for _, f := range Figures("scenes_vqa", cases, frequent) {
		got = append(got, row{f.Part, f.N, int(f.Model.Value + 0.5), int(f.Baselines[0].Value + 0.5)})
	}
	want := []row{{"", 3, 67, 33}, {"color", 1, 0, 0}, {"number", 2, 100, 50}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
}
