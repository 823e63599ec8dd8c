// Package checkpoints keeps named tensors on disk: safetensors files in and out, and the checkpoints of a training run.
// It knows no model and no device: a [Tensor] is a name, a type, dimensions and bytes.
//
// A run has one [Manager], the only writer of its folder:
//
//	m, err := checkpoints.Open("runs/demo/checkpoints", checkpoints.Options{Keep: 3})
//	state, report, err := m.Restore() // errors.Is(err, checkpoints.ErrNone): a new run
//	err = m.SaveAsync(state)          // while training goes on
//	err = m.MarkBest(state.Step, perplexity)
//
// Everybody else reads without a lock: [Load], [LoadWith], [Latest], [OpenCheckpoint] and [Check].
//
// # Several processes
//
// A run of several processes opens one Manager in each, with [Options].Rank, Ranks and Session, over one folder that all of them see. Each
// save is written by all together: every rank its parts ([Source]) into a file of its own, data-00002.safetensors for rank 2, and
// then part-00002.json. Rank 0 waits for all parts, proves that they agree and cover every tensor once, writes the manifest and
// renames the folder. Where one fails, all return its line; where one never comes, all do when [Options].Patience ends. [Owners] shares
// out what every rank holds.
//
// # Object stores
//
// With [Options].Address the newest checkpoint is copied to a [Bucket] after each save, while the run goes on, and [Open] fetches the
// newest sound one into a folder that has none.
//
// # Format
//
// A checkpoint is a folder, step-00000120, with data-00000.safetensors, which any safetensors reader opens, and
// manifest.json. The manifest names every tensor and the pieces that it is stored in (file, place, box within the tensor),
// so that several processes may each write a part of a tensor, and [Checkpoint.ReadSlice] puts together any other part.
// An xxh3 checksum stands over every block of 4 MiB of every piece, over each file's header, and over the manifest itself:
// no byte of the folder can change without being seen.
//
// A save writes into a folder beside, makes files and folder durable, renames it, and only then removes what is not kept.
// So a process that is killed at any moment leaves the last checkpoint as it was; what it had begun is removed by the next [Open].
//
// # Caveats
//
// Going back to an earlier step takes the later checkpoints away with the next save, the best one excepted: a run has one history.
//
// A checkpoint that was found damaged is skipped, then removed after the next save, and both are logged. The best one is never removed.
//
// [Tensor.Float32s], [FromFloat32s] and their like share memory; so does a save under way with the tensors it was given.
//
// A slice is verified by the blocks that it touches, not by the whole piece; [Check] reads everything.
//
// Ranks that restore each for themselves may choose differently where a checkpoint is damaged and only some of them read the damaged part;
// the next save then fails on all, since their steps differ. Let rank 0 choose and the others call [Manager.RestoreStepWith] where that matters.
//
// The lock is flock(2) and ends with the process. Some network file systems do not pass it on to other hosts.
//
// safetensors itself has no checksums, so a flipped bit in the data of an exported file cannot be seen. A process that is
// killed while it exports leaves a file .NAME.writing-XXXXXXXX behind, which may be removed. Element types narrower than a byte are refused.
//
// # Security
//
// Files and manifests from strangers are safe to read: sizes are checked against the file before memory is taken, file
// names cannot lead out of the folder, and any bytes are read or refused with one line (fuzzed). xxh3 finds accidents, not forgeries.
package checkpoints
