// Package network has the commands of a ledger network that runs for real, one node a
// process:
//
//	genesis  makes the file that the members of a network share
//	node     runs one of them: package peer over UDP, with its records in files
//	ctl      asks a running node, or has it make a transfer
//
// They are further commands of package cmdline, with its rules of output and exit codes.
//
// # A node
//
// A process is one node, run by package live, and a peer.Client of it, which has a NodeID of
// its own: the node's number plus the number of members. The two are connected in memory. What
// ctl has a node do becomes an input (protocol.Outside) to the one or the other. So no datagram
// reaches ctl, none becomes an input, and none can claim to be from the client.
//
// Its clock begins when the genesis was made: see clock. It prints a line when an incarnation
// begins. SIGTERM, SIGINT and SIGHUP stop it, as a crash between two steps would, and it exits
// with 0, since to end is what it was told. SIGKILL it survives as well as a power failure.
//
// Exit codes of node, beside those of package cmdline: 1 if the node panicked, which is a bug;
// 2 if it could not start, for want of a port, a lock, an undamaged disk; 5 if its disk or its
// recording failed while it ran. It takes part no more then, and keeps what it promised.
//
// # ctl
//
// A node listens for ctl by TCP, on loopback unless a flag says otherwise in so many words.
// Each time it starts it makes a new secret, in the file ctl of its folder, which its owner
// alone may read; each request carries it. See desk.
//
// A transfer has an id, which the node gives out and the client never uses again. ctl begins
// it once it knows the id, so that whoever asked can ask for its outcome, even if the node or
// ctl was killed meanwhile: see desk.transfer. To ask again carries nothing out.
//
// Exit codes of ctl: 0 if it did what was asked, and the transfer was accepted; 1 if the node or
// the ledger refused; 2 if nothing was done; 3 if the outcome is not known in time; 5 if the
// node was lost.
package network

import "dessim/cmd/dessim/cmdline"

// Commands returns the commands.
func Commands() []cmdline.Command {
	return []cmdline.Command{genesisCommand(), nodeCommand(nil), ctlCommand()}
}
