// Package viz turns plain Go values into figures: no model, no device, no files.
//
// There are two kinds of values. A [Figure] ([CurvesOptions], [MaskOptions], [MatrixOptions], [AttentionOptions], [GalleryOptions],
// [HeatOptions], [HistogramOptions], [BarsOptions], [TableOptions]) is drawn by [Draw], or by the function of its own name, as SVG, PNG
// or HTML. A [Block] is a part of a page; every figure is a block, and there are [Prose], [Cells], [Poem], [Fill] and [Commands].
// [Report] makes one self-contained HTML page of them, without scripts and without anything from outside.
//
// Lengths are CSS pixels. A PNG has two dots per pixel. The same input always gives the same bytes.
//
// # Text
//
// Chinese never shows as boxes: the package embeds a font ([M6lab Sans], cut from Noto Sans SC; folder fonts) with the Han characters of
// GB 2312 and of the BERT vocabulary. Every SVG and HTML carries the few glyphs it uses. A character that the font lacks is written as
// its code (U+20BB7) in drawings, stays as it is in HTML text, and is counted and named below in both.
//
// # Caveats
//
// Values that are not finite are left out and counted in a note below the figure. An SVG is meant for browsers: programs that ignore
// embedded fonts fall back on those of the system.
//
// [M6lab Sans]: https://github.com/notofonts/noto-cjk
package viz
