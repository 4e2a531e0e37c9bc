// Package live runs a node on a real machine: wall clock, disk and network instead of those
// of the simulator. The node is the same value that package sim runs, and what it may rely on
// is the numbered list of package protocol.
//
// A Host runs one incarnation of one node in a goroutine of its own. Its parts are handed in:
// package disk keeps records in files, package udp carries messages, package record is the
// format of a recording. From the recordings of all its nodes, package sim/enact makes a run
// again in virtual time.
//
//	Open    takes the disk's next incarnation, connects to the network, starts the node
//	Input   hands it a message from Outside
//	Do      looks at it between two steps
//	Pause   has it take no step for a while
//	Stop    ends it, as a crash between two steps would
//	Wait    returns why it ended
//
// # Time
//
// A step happens at the time that its beginning has by the Clock, and what follows a sync in
// it happens when the sync is done. Times of one node increase strictly: a step that would
// begin at the time of the one before begins 1 ns later. So a run is told completely by what
// each node took up and when, however its nodes shared the processors.
//
// # Memory
//
// What waits for a node is bounded: see Config.Waiting. Messages beyond the bound are lost,
// which the contract permits; messages that a node sends to itself, timers and inputs are not
// bounded, since the node and its operator make them.
package live
