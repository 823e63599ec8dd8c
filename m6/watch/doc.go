// Package watch looks after a long run: it times the phases of each step, serves Prometheus metrics, names ranks that are slow, notices a
// run that hangs and a loss that runs away, and writes logs as JSON. It knows nothing of the model: plain values come in.
//
// # Metrics
//
// Names are stable. Each has the label rank; units are in the names.
//
//	m6_step                                the last finished step
//	m6_steps                               steps of the whole run
//	m6_loss{task,source}                   mean training loss since the last logged step, nats per target; task and source "all" over all
//	m6_valid_loss{task,source}             the same on the validation set
//	m6_tokens_per_second                   tokens that are no padding
//	m6_mfu_ratio                           model FLOPs utilization: FLOPs of the model over the peak of the devices
//	m6_learning_rate, m6_grad_norm         of the last logged step; the norm before clipping
//	m6_data_wait_ratio                     share of the time that training stood still for data
//	m6_step_seconds                        histogram of the steps' times, compiling left out
//	m6_step_window_seconds{percentile}     50, 90, 99 and 100 (the slowest) of the last watch.window steps
//	m6_phase_seconds_total{phase}          data, compile, device, all_reduce, evaluate, checkpoint, log
//	m6_straggler{rank_slow,phase}          1 for a rank that was slow in the last comparison of ranks
//	m6_skipped_steps_total                 steps whose loss or gradients were not finite
//	m6_failed_examples_total               examples that could not be read
//	m6_rollbacks_total                     times the run went back to a checkpoint
//	m6_hangs_total                         times no step finished for too long
//	m6_checkpoints_saved_total             checkpoints that this process made durable
//	m6_checkpoint_age_seconds              since the last one; absent before the first
//	m6_checkpoint_write_seconds            of the last one, from the call to its commit
//	m6_checkpoint_stall_seconds            of the last one: how long training stood still for it
//	m6_checkpoint_bytes                    of the last one
//	m6_process_...                         memory (m6_process_resident_memory_bytes), processor time and open files of the process
package watch
