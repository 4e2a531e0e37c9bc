package batches_test

import (
	"strings"
	"testing"

	"dessim/sim/check/batches"
)

// puts is a batch: values by key, of which "" removes.
type puts map[string]string

func gives(b puts, key string) (string, bool) {
	v, ok := b[key]
	return v, ok
}

// write has a store asked for a batch, and acknowledge it.
func write(s *batches.Store[puts], id string, b puts) {
	s.Ask(id, b)
	s.Acknowledge(id)
}

func TestBatchesAreThereOnceAcknowledgedAndGoneForEver(t *testing.T) {
	type store = *batches.Store[puts]
	for _, c := range []struct {
		what string
		do   func(s store) error
		want string
	}{
		{"an acknowledged one is read", func(s store) error {
			write(s, "a", nil)
			s.BeginRead(1)
			_, err := s.Read(1, []string{"a"})
			return err
		}, ""},
		{"an acknowledged one is not read", func(s store) error {
			write(s, "a", nil)
			s.BeginRead(1)
			_, err := s.Read(1, nil)
			return err
		}, "batch a is gone"},
		{"one that is acknowledged during a read is not read", func(s store) error {
			s.Ask("a", nil)
			s.BeginRead(1)
			s.Acknowledge("a")
			_, err := s.Read(1, nil)
			return err
		}, ""},
		{"one that was asked for is there", func(s store) error {
			s.Ask("a", nil)
			_, err := s.Open([]string{"a"})
			return err
		}, ""},
		{"one that was there when the store was opened is gone", func(s store) error {
			s.Ask("a", nil)
			_, _ = s.Open([]string{"a"})
			_, err := s.Open(nil)
			return err
		}, "batch a is gone"},
		{"one that was gone comes back", func(s store) error {
			s.Ask("a", nil)
			_, _ = s.Open(nil)
			_, err := s.Open([]string{"a"})
			return err
		}, "batch a is there, which nobody asked for"},
		{"one is there twice", func(s store) error {
			write(s, "a", nil)
			_, err := s.Open([]string{"a", "a"})
			return err
		}, "batch a is listed after a"},
	} {
		compare(t, c.what, c.do(batches.NewStore[puts]()), c.want)
	}
}

func TestAKeyHasTheValueOfALastBatch(t *testing.T) {
	for _, c := range []struct {
		what string
		has  []batches.Value
		want string
	}{
		{"the last values", []batches.Value{{"k", "2"}, {"l", "1"}, {"m", "3"}}, ""},
		{"either of two at the same time", []batches.Value{{"k", "2"}, {"l", "1"}, {"m", "4"}}, ""},
		{"an old value", []batches.Value{{"k", "1"}, {"l", "1"}, {"m", "3"}}, "key k is 1; by the batches that are there, it is 2"},
		{"a value of no batch", []batches.Value{{"k", "9"}, {"l", "1"}, {"m", "3"}}, "key k is 9"},
		{"a key that is missing", []batches.Value{{"k", "2"}, {"m", "3"}}, "key l is absent; by the batches that are there, it is 1"},
		{"both of two are missing", []batches.Value{{"k", "2"}, {"l", "1"}}, "key m is absent; by the batches that are there, it is 3 or 4"},
		{"a key that was removed", []batches.Value{{"k", "2"}, {"l", "1"}, {"m", "3"}, {"n", "1"}}, "key n is 1; by the batches that are there, it is absent"},
		{"a key that nobody has", []batches.Value{{"k", "2"}, {"l", "1"}, {"m", "3"}, {"x", "1"}}, `key x is "1", which no batch gives it`},
		{"keys out of order", []batches.Value{{"l", "1"}, {"k", "2"}, {"m", "3"}}, "key k is listed after l"},
	} {
		s := batches.NewStore[puts]()
		write(s, "a", puts{"k": "1", "l": "1", "n": "1"})
		write(s, "b", puts{"k": "2", "n": ""})
		s.Ask("c", puts{"m": "3"})
		s.Ask("d", puts{"m": "4"})
		s.Acknowledge("d")
		s.Acknowledge("c")
		there, err := s.Open([]string{"a", "b", "c", "d"})
		if err != nil {
			t.Fatal(err)
		}
		compare(t, c.what, batches.Values(c.has, there, []string{"k", "l", "m", "n", "o"}, gives), c.want)
	}
}

func compare(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: judged %v, want %q", what, err, want)
	}
}
