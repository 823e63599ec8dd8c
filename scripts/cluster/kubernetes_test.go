package cluster_test

import (
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"m6lab/scripts/cluster"
)

// decode reads manifests as the API server does, and more strictly: an unknown or repeated field is an error.
func decode(t *testing.T, manifests string) map[string]runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(scheme))
	utilruntime.Must(batchv1.AddToScheme(scheme))
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	out := map[string]runtime.Object{}
	for document := range strings.SplitSeq(manifests, "\n---\n") {
		object, kind, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		out[kind.Kind] = object
	}
	return out
}

// nasty are arguments that a careless template would break.
var nasty = []string{
	"--data", "a b", "--dir", `it's "quoted" $HOME $(touch owned) ` + "`touch owned`", "--set", "x=[1, 2]", "", "#no comment", "\\", "a\nb: c", "'", "* ~ !", "数据/春",
	"{{.Name}}", "-", "---", "\ttab", "%j", "true", "null", "0x10",
}

func job() cluster.Job {
	return cluster.Job{
		Name: "m6-base", Nodes: 3, RanksPerNode: 2, GPUs: 8, CPUs: 5, Time: "1-12:30:00", Grace: 240, Restarts: 7, Queue: "team-a", Program: "bin/m 6",
		Image: "registry/m6:1", Claim: "runs", Storage: "200Gi", Config: "{\"a\": 1}\n", Arguments: append([]string{"pretrain"}, nasty...),
	}
}

func TestKubernetes(t *testing.T) {
	text, err := job().Kubernetes()
	if err != nil {
		t.Fatal(err)
	}
	objects := decode(t, text)
	j := objects["Job"].(*batchv1.Job)
	spec, pod := j.Spec, j.Spec.Template.Spec
	if *spec.CompletionMode != batchv1.IndexedCompletion || *spec.Completions != 3 || *spec.Parallelism != 3 || *spec.BackoffLimit != 7 {
		t.Errorf("the job has mode %v, %d completions, %d at once, limit %d", *spec.CompletionMode, *spec.Completions, *spec.Parallelism, *spec.BackoffLimit)
	}
	if j.Labels["kueue.x-k8s.io/queue-name"] != "team-a" || *spec.SuccessPolicy.Rules[0].SucceededIndexes != "0" {
		t.Errorf("labels %v, success policy %v", j.Labels, spec.SuccessPolicy)
	}
	service := objects["Service"].(*corev1.Service)
	if pod.Subdomain != service.Name || service.Spec.ClusterIP != "None" || service.Spec.Selector["job-name"] != j.Name {
		t.Errorf("pods of subdomain %q are not found by service %q, %v", pod.Subdomain, service.Name, service.Spec)
	}
	c := pod.Containers[0]
	if want := append([]string{"pretrain"}, nasty...); !slices.Equal(c.Args, want) {
		t.Errorf("arguments %q, want %q", c.Args, want)
	}
	if gpus := c.Resources.Limits["nvidia.com/gpu"]; gpus.Value() != 8 || c.Resources.Limits.Cpu().Value() != 10 || *pod.TerminationGracePeriodSeconds != 240 {
		t.Errorf("limits %v, grace %d", c.Resources.Limits, *pod.TerminationGracePeriodSeconds)
	}
	if claim := objects["PersistentVolumeClaim"].(*corev1.PersistentVolumeClaim); claim.Spec.Resources.Requests.Storage().String() != "200Gi" || claim.Name != pod.Volumes[0].PersistentVolumeClaim.ClaimName {
		t.Errorf("claim %v", claim)
	}
	if config := objects["ConfigMap"].(*corev1.ConfigMap); config.Data["run.json"] != "{\"a\": 1}\n" {
		t.Errorf("config %q", config.Data)
	}
	mounts := map[string]bool{}
	for _, v := range pod.Volumes {
		mounts[v.Name] = true
	}
	for _, m := range c.VolumeMounts {
		if !mounts[m.Name] {
			t.Errorf("%s is mounted, but is no volume", m.Name)
		}
	}
}

// What may be left out leaves manifests that are sound too.
func TestKubernetesLeast(t *testing.T) {
	text, err := cluster.Job{Name: "m6", Nodes: 1, RanksPerNode: 1, Grace: 30, Image: "m6", Claim: "c", Storage: "1Gi", Arguments: []string{"pretrain"}}.Kubernetes()
	if err != nil {
		t.Fatal(err)
	}
	objects := decode(t, text)
	if c := objects["Job"].(*batchv1.Job).Spec.Template.Spec.Containers[0]; len(c.Resources.Limits) != 0 || objects["ConfigMap"] != nil {
		t.Errorf("limits %v, config %v: want none", c.Resources.Limits, objects["ConfigMap"])
	}
}
