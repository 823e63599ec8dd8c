// Package score holds the metrics of the tasks: pure functions from references and predictions to numbers.
package score
