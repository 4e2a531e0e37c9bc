// Package ablation shows what each group of edits of package overlay is good for. Command toys
// has a program for each. Built with all groups, all its runs are the same, in one process and in
// others, with few and many processors and collections. Without its group they differ, or the
// program sees what must not be.
//
//	go test ./sim/host/overlay/ablation -run Worth -full -v
//
// prints the table. Each group costs a build of the standard library, the first time.
package ablation
