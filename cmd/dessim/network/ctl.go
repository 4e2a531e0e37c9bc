package network

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"dessim/cmd/dessim/cmdline"
)

const ctlText = `dessim ctl -node HOST:PORT COMMAND [flags]

  status            how the node is
  ledger            its ledger: equal ledgers have equal hashes
  balance [MEMBER]  what a member has, by this node's ledger
  transfer          move -amount to member -to, and wait for the outcome
  peers             the members, and which of them are there
  routing           its routing table
  put VALUE         store a value in the DHT, and print its key
  get KEY           find a value in the DHT

A MEMBER is a number from 0, an address, or an id of 40 hex digits.`

// ctlOperands has the commands, and the operands that they take.
var ctlOperands = map[string]string{
	"status": "", "ledger": "", "balance": "[MEMBER]", "transfer": "", "peers": "", "routing": "", "put": "VALUE", "get": "KEY",
}

const usualTimeout = time.Minute

func ctlCommand() cmdline.Command {
	return cmdline.Command{
		Name:  "ctl",
		Usage: "talks to a running node",
		Text:  ctlText,
		Flags: []cmdline.Flag{
			{Name: "node", Sample: "127.0.0.1:7000", Usage: "where the node listens for ctl"},
			{Name: "dir", Sample: "DIR", Usage: "the folder of the node, which has its secret; without it, the one here, or one or two folders down, that is of -node"},
			{Name: "to", Sample: "MEMBER", Usage: "transfer: the receiver"},
			{Name: "amount", Sample: "100", Usage: "transfer: how much"},
			{Name: "witness", Sample: "MEMBER", Usage: "transfer: the witness; without it, a third member that is up"},
			{Name: "id", Sample: "1.1", Usage: "transfer: wait for the outcome of one that was begun, and begin none"},
			{Name: "timeout", Sample: usualTimeout.String(), Usage: "transfer, put, get: how long to wait"},
			{Name: "json", Usage: "print one JSON object"},
		},
		Do: runCtl,
	}
}

func runCtl(ctx context.Context, c *cmdline.Call) error {
	r, err := parseRequest(c)
	if err != nil {
		return err
	}
	at, secret, err := findNode(c)
	if err != nil {
		return err
	}
	r.Secret = secret
	x := &exchange{ctx: ctx, at: at, r: r, heard: func(string) {}}
	out, err := x.do()
	if err != nil {
		return err
	}
	if out.Error != "" {
		return cmdline.Fail(max(out.Code, 1), "%s", out.Error)
	}
	if c.On("json") {
		return printJSON(c.Out, out)
	}
	print(c.Out, out)
	return nil
}

// parseRequest reads what the node is asked for.
func parseRequest(c *cmdline.Call) (*request, error) {
	commands := slices.Sorted(maps.Keys(ctlOperands))
	if len(c.Args) == 0 {
		return nil, cmdline.Refuse("no command for the node; want %s", strings.Join(commands, ", "))
	}
	r := &request{Do: c.Args[0], Timeout: usualTimeout}
	operand, ok := ctlOperands[r.Do]
	if !ok {
		return nil, cmdline.Refuse("ctl %s: %s", cmdline.Quote(r.Do), cmdline.DidYouMean(r.Do, commands))
	}
	switch rest := c.Args[1:]; {
	case len(rest) > 1 || len(rest) == 1 && operand == "":
		return nil, cmdline.Refuse("unexpected argument %s; want ctl %s", cmdline.Quote(rest[len(rest)-1]), strings.TrimSpace(r.Do+" "+operand))
	case len(rest) == 0 && operand != "" && operand[0] != '[':
		return nil, cmdline.Refuse("ctl %s lacks its %s", r.Do, operand)
	case len(rest) == 1 && r.Do == "balance":
		r.Who = rest[0]
	case len(rest) == 1:
		r.Text = rest[0]
	}
	for _, flag := range []string{"to", "amount", "witness", "id"} {
		if _, given := c.Text(flag); given && r.Do != "transfer" {
			return nil, cmdline.Refuse("%s means nothing to ctl %s; leave it out", flag, r.Do)
		}
	}
	if text, given := c.Text("timeout"); given {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 || d > mostTimeout {
			return nil, cmdline.Refuse("timeout %s: want a duration of at most %v, such as 30s", cmdline.Quote(text), mostTimeout)
		}
		r.Timeout = d
	}
	if r.Do == "transfer" {
		return r, r.parseTransfer(c)
	}
	return r, nil
}

func (r *request) parseTransfer(c *cmdline.Call) error {
	to, hasTo := c.Text("to")
	amount, hasAmount := c.Text("amount")
	witness, hasWitness := c.Text("witness")
	id, hasID := c.Text("id")
	switch {
	case hasID && (hasTo || hasAmount || hasWitness):
		return cmdline.Refuse("-id asks for a transfer that was begun; want it without -to, -amount and -witness")
	case hasID:
		r.ID = id
		_, err := parseTransfer(id)
		return err
	case !hasTo || !hasAmount:
		return cmdline.Refuse("want transfer -to MEMBER -amount N")
	}
	n, err := strconv.ParseUint(amount, 10, 63)
	if err != nil || n == 0 {
		return cmdline.Refuse("amount %s: want a whole number of 1 or more", cmdline.Quote(amount))
	}
	r.Who, r.Amount, r.Witness = to, n, witness
	return nil
}

// findNode returns the address of the node's desk, and its secret.
func findNode(c *cmdline.Call) (at, secret string, err error) {
	at, named := c.Text("node")
	dir, placed := c.Text("dir")
	if named {
		if _, _, err := net.SplitHostPort(at); err != nil {
			return "", "", cmdline.Refuse("node %s: want HOST:PORT, such as 127.0.0.1:7000", cmdline.Quote(at))
		}
	}
	switch {
	case placed:
		listed, secret, err := readCtl(filepath.Join(dir, ctlFile))
		if err != nil {
			return "", "", cmdline.Refuse("dir %s: %v; want the folder of a node that runs", cmdline.Quote(dir), err)
		}
		if !named {
			at = listed
		}
		return at, secret, nil
	case !named:
		return "", "", cmdline.Refuse("no node; want -node with its HOST:PORT, or -dir with its folder")
	}
	for _, below := range []string{"", "*", filepath.Join("*", "*")} {
		paths, _ := filepath.Glob(filepath.Join(below, ctlFile)) // the pattern is good
		for _, path := range paths {
			if listed, secret, err := readCtl(path); err == nil && listed == at {
				return at, secret, nil
			}
		}
	}
	return "", "", cmdline.Refuse("node %s: no folder here, or one or two down, is of a node that runs there; want -dir with its folder", at)
}

// readCtl reads the file that a node leaves for ctl.
func readCtl(path string) (at, secret string, err error) {
	b, err := readBounded(path, mostRequest)
	if err != nil {
		return "", "", errors.New(reason(err))
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) != 3 {
		return "", "", errors.New("its file ctl is not one of a node")
	}
	return lines[0], lines[1], nil
}

// exchange is one request and its replies.
type exchange struct {
	ctx   context.Context
	at    string
	r     *request
	heard func(id string) // is told the id of a transfer before it begins
}

func (x *exchange) do() (*reply, error) {
	var dialer net.Dialer
	ctx, cancel := context.WithTimeout(x.ctx, patience)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", x.at)
	if err != nil {
		return nil, cmdline.Refuse("node %s: %s; want the address of a node that runs", x.at, reason(err))
	}
	defer conn.Close()
	defer context.AfterFunc(x.ctx, func() { conn.Close() })()
	wait := 2 * patience
	if x.r.Do == "transfer" || x.r.Do == "put" || x.r.Do == "get" {
		wait += x.r.Timeout
	}
	conn.SetDeadline(time.Now().Add(wait))
	b, err := json.Marshal(x.r)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(append(b, '\n')); err != nil {
		return nil, x.lost("", err)
	}
	in := bufio.NewReader(conn)
	out, err := receive(in)
	if err != nil || out.ID == "" {
		return out, x.lost("", err)
	}
	id := out.ID
	x.heard(id)
	if _, err := io.WriteString(conn, "go\n"); err != nil {
		return nil, x.lost(id, err)
	}
	out, err = receive(in)
	return out, x.lost(id, err)
}

func receive(in *bufio.Reader) (*reply, error) {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	out := new(reply)
	return out, d.Decode(out)
}

// lost says what is known if the connection is lost: err is nil if it is not.
func (x *exchange) lost(id string, err error) error {
	if err == nil {
		return nil
	}
	code, why := cmdline.CodeIO, fmt.Sprintf("lost node %s (%s)", x.at, reason(err))
	if x.ctx.Err() != nil {
		code, why = cmdline.CodeInterrupted, fmt.Sprintf("interrupted before node %s answered", x.at)
	}
	if id != "" {
		why += fmt.Sprintf("; transfer %s may have been made: ask with -id %s", id, id)
	}
	return cmdline.Fail(code, "%s", why)
}

// print writes facts or a table as text.
func print(w io.Writer, r *reply) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	for _, f := range r.Facts {
		fmt.Fprintf(t, "%s\t%v\n", strings.ReplaceAll(f.Name, "_", " "), f.Value)
	}
	if r.Head != nil {
		fmt.Fprintln(t, strings.Join(r.Head, "\t"))
	}
	for _, row := range r.Rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
}

// printJSON writes them as one object, facts in their order, a table as a list of objects.
func printJSON(w io.Writer, r *reply) error {
	b := []byte{'{'}
	add := func(name string, value any) error {
		text, err := json.Marshal(value)
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(fmt.Appendf(b, "%q:", name), text...)
		return err
	}
	for _, f := range r.Facts {
		if err := add(f.Name, f.Value); err != nil {
			return err
		}
	}
	if r.Head != nil {
		rows := []map[string]string{}
		for _, row := range r.Rows {
			o := make(map[string]string)
			for i, name := range r.Head {
				o[strings.ReplaceAll(name, " ", "_")] = row[i]
			}
			rows = append(rows, o)
		}
		if err := add("rows", rows); err != nil {
			return err
		}
	}
	_, _ = w.Write(append(b, '}', '\n')) // the Call tells what is wrong with standard output
	return nil
}
