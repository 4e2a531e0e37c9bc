package cmdline

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"dessim/sim/explore"
)

// readShard reads -shard, and the variables that it names: see the help.
func (s *sweep) readShard(x *flag) error {
	bad := func(format string, args ...any) error {
		return refuse("shard %s: %s", quote(x.text), fmt.Sprintf(format, args...))
	}
	text, err := shardText(x.text)
	if err != nil {
		return bad("%v", err)
	}
	index, of, _ := strings.Cut(text, "/")
	i, err := strconv.ParseUint(index, 10, 64)
	n, err2 := strconv.ParseUint(of, 10, 64)
	switch {
	case err != nil || err2 != nil:
		return bad("want I/N, such as 1/4, or /4, or auto")
	case n < 1:
		return bad("there is no shard %d of 0; want one shard at least", i)
	case i < 1 || i > n:
		return bad("there is no shard %d of %d; want 1 to %d", i, n, n)
	}
	s.shard = &explore.Shard{Index: i, Of: n}
	from, to, ok := s.shard.Part(s.whole.From, s.whole.To)
	if !ok {
		return bad("has no seeds, of %d-%d; want no more shards than seeds", s.whole.From, s.whole.To)
	}
	s.From, s.To = from, to
	return nil
}

// shardText completes /N and auto from the environment to I/N.
func shardText(text string) (string, error) {
	count, only := strings.CutPrefix(text, "/")
	if !only && text != "auto" {
		return text, nil
	}
	index, kubernetes := os.LookupEnv("JOB_COMPLETION_INDEX")
	if kubernetes && text == "auto" {
		return "", errors.New("auto: Kubernetes does not say how many shards there are; want /N")
	}
	if kubernetes {
		i, err := strconv.ParseUint(index, 10, 32)
		if err != nil {
			return "", fmt.Errorf("JOB_COMPLETION_INDEX is %s, want a number", quote(index))
		}
		return fmt.Sprintf("%d/%s", i+1, count), nil
	}
	read := func(name string, otherwise uint64) (n uint64, err error) {
		value, set := os.LookupEnv("SLURM_ARRAY_TASK_" + name)
		if !set && name != "ID" {
			return otherwise, nil
		}
		if !set {
			return 0, errors.New("neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID is set; want I/N")
		}
		if n, err = strconv.ParseUint(value, 10, 32); err != nil {
			err = fmt.Errorf("SLURM_ARRAY_TASK_%s is %s, want a number", name, quote(value))
		}
		return n, err
	}
	id, err := read("ID", 0)
	least, err2 := read("MIN", 1)
	step, err3 := read("STEP", 1)
	slurm, err4 := read("COUNT", 0)
	if err := cmp.Or(err, err2, err3, err4); err != nil {
		return "", err
	}
	if step == 0 || id < least || (id-least)%step != 0 {
		return "", fmt.Errorf("SLURM_ARRAY_TASK_ID is %d, want %d, %d and so on", id, least, least+step)
	}
	if text == "auto" {
		count = strconv.FormatUint(slurm, 10)
	}
	return fmt.Sprintf("%d/%s", (id-least)/step+1, count), nil
}
