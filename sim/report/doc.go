// Package report writes what happened in a run as one HTML file that needs nothing else: a
// space-time diagram, the state of each node at each moment, the checks, and what led to
// the violation; and small plots of what the scenario measures, and of the messages.
//
// Package history keeps the events of a run. Of makes the data of the page from them, and Write
// makes the file: the data as JSON, compressed and in base64, between a script and a style
// that are files of this package (folder page). The script decodes the data and draws it.
// Equal runs give equal files. Nothing in a file can run but the script, whose hash the
// page's security policy names; and text reaches the page as text.
//
// # What is kept
//
// All events are kept. What takes much room is kept whole around the first violation, or at
// the end of a run without one, and elsewhere within a budget: the words of messages, the
// answers, and the states of nodes. The page says what it lacks.
package report
