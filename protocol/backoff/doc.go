// Package backoff says how long a machine waits before it tries something again.
// Pauses double up to a bound and have jitter, so that nodes that fail together do not
// try again together, and a node that cannot be reached costs ever less.
//
// A pause is a function of the retry's rule, its first pause, the number of tries so
// far, and one named answer. The machine counts the tries, and counts from 0 again when
// it hears something that shows that trying helps.
//
// The package promises that no pause is longer than Longest. So what a machine tries
// again for ever is tried within that time after the network heals.
//
// # All retries
//
// The table lists all that the machines try again: the question of the jitter, the rule,
// the first pause, the longest as its multiple, the jitter, what is tried, and what ends it
// or makes its pauses begin anew. A delay is the Delay of the host's Config, a tick the
// Tick of the order's, ten delays in packages kv and peer; n is the number of members. In
// package peer a link's Retry is 2.5 delays, gossip's Repair 25, and AskAfter 80, or 400
// where no node may crash.
//
//	question      rule                 first pause      most  jit  what is tried again                 until
//	link.again    link.Again           Config.Retry       10  1/4  frames not acknowledged             an acknowledgement, a restart
//	ask.again     twopc.AskAgain       Config.AskAfter    20  1/4  a question about a decision         the decision, the coordinator's restart
//	commit.again  twopc.CommitAgain    Config.AskAfter    20  1/4  a commit not acknowledged           all acknowledgements
//	repair.again  gossip.RepairAgain   Config.Repair       5  1/4  an exchange of digests, for ever    a difference, a new body
//	frame.again   abcast.FrameAgain    3 ticks             5  1/4  frames of a view not acknowledged   a connection, another view
//	raft.propose  raft.ProposeAgain    3 ticks             5  1/4  proposals not delivered             a delivery, another leader
//	raft.again    raft.CampaignAgain   1 to 2n ticks       5  1/4  a campaign                          a leader
//	raft.remove   raft.RemoveAgain     6 ticks            20  1/4  the removal of a silent member      its message, another leader
//	kv.again      kv.AskAgain          50 delays           5  1/4  a request, at the next replica      the reply; doubles once a round
//	dht.resend    kademlia.SendAgain   Config.Timeout    2.5  1/4  a query, Config.Tries times         an answer
//	dht.stale     kademlia.StaleAgain  Config.Pause       80  1/4  a stale contact, in a lookup        its answer
//	dht.rejoin    kademlia.JoinAgain   Config.Pause       80  1/4  a join, at the next node            an answer
//	dht.reput     kademlia.PutAgain    Config.Pause       80  1/4  a put that nobody stored            a put that one stores
//	dht.absent    kademlia.AbsentAgain Refresh/64         40  1/4  an absent node, for ever            its answer
//	dht.seed      kademlia.SeedAgain   3/4 of Refresh    1.2  1/4  a node joined through, for ever     never
//	backoff       peer.AttemptAgain    5 delays           32  1/1  a transfer that aborted             its acceptance or refusal
//	patience      peer.Patience        150 delays         10  1/4  a transfer without a reply          a reply, the sender's restart
//	fetch.again   peer.FetchAgain      6 delays           20  1/4  a body, from the next member        the body; doubles once a round
//	key.again     peer.KeyAgain        10 delays          80  1/4  lookups of missing keys             a key found, a hello
//	put.again     peer.PutAgain        10 delays          40  1/4  a put that no node kept             a put that one keeps, a hello
//	dht.refresh   peer.Refresh         300 delays          5  1/4  a refresh of the table, for ever    more contacts, or fewer
package backoff
