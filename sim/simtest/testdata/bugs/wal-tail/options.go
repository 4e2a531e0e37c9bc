package log

import (
	"reflect"

	"github.com/tidwall/wal"
)

// options ask for a tail that a crash has torn to be dropped, in versions that can.
func options() *wal.Options {
	o := *wal.DefaultOptions
	if f := reflect.ValueOf(&o).Elem().FieldByName("RecoverCorruptedTail"); f.IsValid() {
		f.SetBool(true)
	}
	return &o
}
