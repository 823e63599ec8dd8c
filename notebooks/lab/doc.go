// Package lab is the workbench of the lessons: a model that is trained in one cell of a notebook is there in the next, and Go
// functions that the reader writes in a cell take part in it.
//
// Every cell of a GoNB notebook is a program of its own that ends with the cell. The first [Open] therefore starts the cell's own program
// again in the background: the workbench, which outlives cells and leaves with the notebook's kernel. Cells talk to it over a Unix
// socket named after the kernel's process. A run lies in runs/lab/NAME of the checkout and is saved at the end of every [Run.Train],
// so that nothing is lost when a kernel is restarted.
//
//	func MyMask(valid *Node, shape m6.Shape) *Node {
//		return layers.PrefixMask(valid, shape.Patches+shape.Masked)
//	}
//
//	var mask = lab.DefineMask(MyMask)
//
//	%%
//	run := lab.Open("lesson")
//	run.Train(20)
//
// When a cell changes the text of a function that was defined, the next Open says so, stops the old workbench at a step and starts the
// new program from the run's checkpoint.
//
// # Caveats
//
// Open is the first line of a cell: the workbench is the same program, and whatever stands before Open runs there once more. What
// cannot be done ends the cell with one sentence on standard error and exit code 1; the run stays as it was.
package lab
