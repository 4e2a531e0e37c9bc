// Package protocol is the contract between a node and its runtime: the
// simulator, a real machine, or a unit test.
//
// A Node is a deterministic state machine. It consumes one event at a time and
// speaks only through an Env, which records what the node did as ordered data
// and does nothing else. So a node is the same under every runtime, and "crash
// after the second effect of this step" is a number.
//
// The package promises that equal events and equal answers give equal effects,
// if the node keeps the rules: no wall clock, no goroutine, no global state, no
// order taken from a map, no float in what decides. It does not enforce them;
// the analyzer of package sim/simtest/determinism does ("dessim vet"). Ordinary Go code, with
// goroutines and a clock, keeps them as a node of package sim/host.
//
// # Where to start
//
// Read Node and Env; the package example tests a node by hand. The numbered list is for
// authors of runtimes. Packages below this one are the machines. They import this
// package and each other, and no simulator:
//
//	backoff   how long a machine waits before it tries again
//	link      perfect links out of lossy ones
//	gossip    floods messages, and repairs what flooding missed
//	kademlia  the distributed hash table
//	twopc     two-phase commit: a good first machine to read
//	abcast    atomic broadcast in three orders, with views that survive failures
//	raft      the same by etcd's Raft: how to put a library under a runtime
//	ledger    transactions, their rules, and the state that their order implies
//	kv        a replicated key-value store on top of abcast
//	peer      the node of the ledger, which composes the others
//
// Package live runs nodes on a real machine; below it are its disk, its network and the
// format of its recordings.
//
// Packages bencode and seal are the encoding and the checksum of messages, and words
// describes messages in traces. Package internal/steps runs machines step by step in
// unit tests; tests that need the simulator stand in sim/simtest/machines.
//
// # What a runtime owes its nodes
//
// A node may rely on the following, and on nothing else. Package sim is the
// reference; another runtime can be written from this list alone, and tested by package
// sim/simtest/conformance. Package live is one.
//
// Incarnations:
//
//  1. A NodeID belongs to one node for all time; what holds of strangers, which
//     take no part in the run, Book says. Each incarnation of the node has
//     a number of its own, 1 for the first and a greater one for each that
//     follows. The number is durable before Start is called, so that no two
//     incarnations share one, even if the first crashed at once.
//  2. An incarnation is a fresh Node value. Its first step is Start, and no later
//     step is. The incarnation before it has ended: see 24.
//  3. The steps of a node happen one at a time. A step ends when its last effect
//     is carried out, and only then does the next begin. Steps of different nodes
//     may overlap, each on an Env of its own, if the nodes share no memory that
//     any of them changes.
//
// A step:
//
//  4. A step is these calls, in this order: Enter; Name; if need be, SetSteady (27),
//     Schedule (31) and Fill (35); before Start, and only then, Mount, with nil if there
//     are no records; one of Start, Receive, Timeout and Flushed (32). Then the runtime
//     reads Answers, Notes and Effects.
//  5. Enter takes the node, its incarnation, its clock (27) and the Source of its
//     answers. The Source keeps its own contract: an answer depends on the key and
//     the range alone.
//  6. Steps of one incarnation have different names, else the second is asked the
//     questions of the first and gets the same answers. To have runs that can be
//     repeated and reduced, name a step after what it consumes: a count of steps
//     renames all that follow when one is removed.
//  7. Answers is a fold of what the Source answered. Events and answers fix the
//     effects, so a runtime that compares runs keeps it.
//  8. Observe turns notes on, for all later steps. A note is shown before the
//     effect whose index is its Before, or after the last one. Notes decide
//     nothing and enter no digest.
//
// Effects:
//
//  9. Effects are carried out in their order, none before the call has returned.
//     A crash after i of them means that those i happened and that no other did.
//     An Op that the runtime does not know is a mistake, and panics.
//  10. OpSend gives the message to the network, in which nodes have the endpoints of
//     their Book. It may be for the sender itself: see 30. A message to a node that
//     does not exist is lost and is no mistake: nodes learn of each other from
//     messages, and anyone can send them anything. Kind does not travel.
//  11. OpSetTimer starts a timer when it is carried out, hence after the syncs
//     before it. A node has one timer per tag; setting it again replaces it. The
//     timer leads to one Timeout, in a later step and never early: After has
//     passed by the node's clock (27). It is gone when Timeout is called, which may
//     set it again.
//  12. OpCancelTimer removes a timer, if there is one. A timer that was removed or
//     replaced does not fire, even if it was due and waited for its turn.
//  13. OpPersist appends the record to the node's disk. Records are numbered from 0
//     without gaps. After a crash the numbers go on behind the last record that
//     survived or was discarded.
//  14. OpSync waits until all records and discards before it are durable. Until
//     then nothing that follows it happens: no message, output or timer, and no
//     further step of the node; events that come meanwhile wait in their order.
//     What precedes it need not wait. A sync that fails is a crash at that effect
//     and is not tried again, since nobody knows what the disk holds.
//  15. OpDiscard names the first record to be kept; beyond the last one it means
//     all that there are so far. It takes effect with the next OpSync, in whole or
//     not at all, and not before the records ahead of that sync are durable. A
//     crash before that sync revokes it. The other records keep their numbers. If an
//     OpFlush comes first, it takes effect with that one: see 34.
//  16. OpOutput hands the record to the consumers of outputs. It is final, so it is
//     not handed on before the syncs ahead of it are done.
//
// Events:
//
//  17. A message to another node arrives whole or not at all, once, more than once
//     or never, late and out of order, perhaps at another incarnation than the one
//     it was meant for. It never arrives within the step that sent it. Damage on
//     the way need not be found: machines that must survive it use package seal.
//     A runtime may have a message travel in parts, which nodes never see; one that
//     is too long for it is lost.
//  18. The from of Receive is the node that sent the message, never Outside. A
//     message whose sender is not known, such as a datagram from an endpoint that
//     the Book does not have, is dropped. The contract has no forged senders: a
//     runtime that does not authenticate them relies on its network.
//  19. An input is a message from Outside. It comes from the operator of the run,
//     and the network cannot make one: nodes obey inputs.
//  20. Nothing is kept for a node that is down: messages and inputs that arrive
//     there are lost.
//
// Borrowed memory:
//
//  21. msg is valid and constant until Receive returns; the node does not change
//     it. Afterwards the runtime may reuse it, and overwrites it in tests, to catch
//     nodes that keep it.
//  22. Effects and notes, with their bodies, belong to the Env and are valid until
//     its next Enter. The runtime copies what it needs longer, such as the rest of
//     a step that waits for its disk. It does not change bodies, since several
//     effects may share one.
//  23. Records, and the iterator over them, are valid and constant until Start
//     returns. The iterator can be used more than once.
//
// Crashes and disks:
//
//  24. A crash ends the incarnation between two steps or between two effects. The
//     Node value, its timers and all waiting events are gone, and nothing of it
//     acts again; messages that were sent still travel. There is no notice.
//     Stopping a node is a crash.
//  25. Records that were synced survive, whole. Of the others any may survive, and any
//     may be cut short. What survives keeps its order and counts as synced.
//  26. A node that has lost a synced record, or of which one is damaged, is not
//     started again: without its past, or with a wrong one, it would break its
//     promises. So records on disk carry a checksum. That of a record made by PersistFrom
//     need only cover what stands before its payload, since the node judges that itself.
//
// Time:
//
//  27. Now is from 0 to MaxTime, counts from one origin for all incarnations of a
//     node, and is constant within a step. It may be off, drift and jump, forward
//     or back. Timers run by the same clock without its jumps, which is what systems
//     call a monotonic clock: where it drifts they drift with it, from the moment that
//     the drift begins, changes or ends and whether they were set before or not; where
//     it jumps they stay as they are. So a timer for 10 s comes when 10 s have passed
//     by the node's clock, and Now then reads 10 s more, give or take the jumps. Steady
//     is that clock, which never goes back: it equals Now until the first jump.
//  28. A runtime that ends when nothing is left to happen does not wait for timers
//     whose tag is Periodic, nor for what follows from them.
//
// Mistakes:
//
//  29. A panic in a node is a bug, not a crash: the runtime reports it and does not
//     restart the node.
//
// Messages to oneself:
//
//  30. A message that a node sends to itself does not cross the network. It arrives in a
//     step of its own, later than the one that sent it, once, whole, and in the order
//     of sending. Nothing that happens to links happens to it: it is not lost, copied,
//     damaged, slowed or cut off. Only a crash can prevent it: then it is lost if it
//     arrives while the node is down, and else arrives at the next incarnation.
//
// Named questions of goroutines:
//
//  31. A node that has goroutines of its own runs them within its steps, one at a time,
//     until all wait. A runtime may give it a Scheduler for a step, which then decides
//     whose turn it is. Its answers depend on the step's name and on the question alone,
//     and are folded into what the runtime keeps of answers (7), which Answers does not
//     have. Without one, the goroutine that could run first runs first, and none yields or stalls.
//
// Flushes of single records:
//
//  32. OpFlush has the disk make the records durable whose indices its Body has, and no
//     other. Its step goes on, and so do further ones. When the disk is done, Flushed is
//     called with the Tag, in a step of its own, later than the one that flushed, and the
//     records survive any crash from then on (25). Of a node that is not a Flusher an
//     OpFlush is a mistake, and panics, unless its Tag is 0: then the records are durable
//     when it is carried out, and nobody is told.
//  33. Flushes of a node end in the order in which they were carried out. An OpSync makes
//     the records of those under way durable too; they end nonetheless. A crash forgets
//     those under way. A runtime may make more durable than it was asked to.
//  34. A flush with a Tag other than 0 may fail: failed is true, none of its records has
//     become durable by it, and the node goes on. The discards ahead of a flush take effect
//     when it is done, even of records that were not durable, and not if it fails: then they
//     wait for the next flush or sync. Indices of records that are discarded by then mean
//     nothing; the index of a record that there is not yet is a mistake, and panics.
//  35. Full is a hint that holds within one step. A runtime that has no room for a record
//     nonetheless ends the incarnation as in 24.
package protocol
