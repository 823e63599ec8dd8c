package cluster_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// TestFlinkManifests: every field exists, selectors find their pods, mounts their volumes, and the job its job server.
func TestFlinkManifests(t *testing.T) {
	data, err := os.ReadFile("flink.yaml")
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(scheme))
	utilruntime.Must(appsv1.AddToScheme(scheme))
	utilruntime.Must(batchv1.AddToScheme(scheme))
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	pods, services, claims := map[string]corev1.PodTemplateSpec{}, map[string]*corev1.Service{}, map[string]bool{}
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		object, _, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		switch x := object.(type) {
		case *corev1.Service:
			services[x.Name] = x
		case *corev1.PersistentVolumeClaim:
			claims[x.Name] = true
			if !slices.Contains(x.Spec.AccessModes, corev1.ReadWriteMany) {
				t.Errorf("claim %s is not for many pods", x.Name)
			}
		case *appsv1.Deployment:
			pods[x.Name] = x.Spec.Template
			for key, value := range x.Spec.Selector.MatchLabels {
				if x.Spec.Template.Labels[key] != value {
					t.Errorf("deployment %s does not find its pods by %s", x.Name, key)
				}
			}
		case *batchv1.Job:
			pods[x.Name] = x.Spec.Template
		}
	}
	for name, pod := range pods {
		volumes := map[string]bool{}
		for _, v := range pod.Spec.Volumes {
			volumes[v.Name] = true
			if v.PersistentVolumeClaim == nil || !claims[v.PersistentVolumeClaim.ClaimName] {
				t.Errorf("%s: volume %s has no claim of this file", name, v.Name)
			}
		}
		for _, c := range pod.Spec.Containers {
			for _, m := range c.VolumeMounts {
				if !volumes[m.Name] {
					t.Errorf("%s mounts %s, which is no volume", name, m.Name)
				}
			}
		}
	}
	for name, s := range services {
		found := false
		for _, pod := range pods {
			match := len(pod.Labels) > 0
			for key, value := range s.Spec.Selector {
				match = match && pod.Labels[key] == value
			}
			found = found || match
		}
		if !found {
			t.Errorf("service %s finds no pod", name)
		}
	}
	args := pods["m6-corpus"].Spec.Containers[0].Args
	if !slices.Contains(args, "--endpoint=flink-jobserver:8099") || services["flink-jobserver"] == nil || services["flink-jobserver"].Spec.Ports[0].Port != 8099 {
		t.Errorf("the job %v does not reach the job server", args)
	}
	if ports := pods["flink-taskmanager"].Spec.Containers[1].Ports; len(ports) != 1 || ports[0].ContainerPort != 50000 || !slices.Contains(args, "--environment_config=localhost:50000") {
		t.Errorf("the job %v does not reach the pool of workers at %v", args, ports)
	}
}
