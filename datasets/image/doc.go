// Package image turns encoded pictures into the numbers that a model reads: safe decoding, high-quality scaling, normalisation.
//
// # Security
//
// Sizes are read from the header and checked against [Limits] before anything is decoded, so that a small file which claims to be a
// huge picture is an error and not an allocation.
package image
