// Package strict fills configurations strictly: from JSON, and from settings of the form "model.layers=6". An unknown key or a wrong type
// is an error of one line that names the key, and the nearest valid one.
package strict
