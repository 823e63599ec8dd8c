// Package tasks is what the evaluations of all tasks share: a trained [Model] with its generator, the [Data] it is judged on, and a
// [Figure], one held-out measure of the model beside its baselines.
//
// Each task has a package: lm, caption, denoise and vqa. Their Evaluate functions take the same arguments and return a [Result]. A
// baseline is trained on the training split and judged on the same held-out rows as the model.
package tasks
