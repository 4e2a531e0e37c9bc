package exhaustive_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"dessim/protocol"
)

// A reader reads the fields of live machines, one after the other, changes each, and
// looks whether what AppendState writes changes with it.
type reader struct {
	excused map[string]string // why a field is not written: "Type.field", or a part of its path
	met     map[string]bool   // of excused
	fields  map[string]bool   // all that hold a value, by their path: whether a change was seen

	machine protocol.Stateful
	text    string
	commit  []func() // puts changed copies of map values back
}

func newReader(excused map[string]string) *reader {
	return &reader{excused: excused, met: make(map[string]bool), fields: make(map[string]bool)}
}

// read reads a machine, which it leaves as it was.
func (r *reader) read(machine protocol.Stateful) {
	r.machine, r.text = machine, written(machine)
	v := reflect.ValueOf(machine)
	r.declare(v.Type().Elem().Name(), v.Type().Elem())
	r.walk(v.Type().Elem().Name(), v.Elem())
	if now := written(machine); now != r.text {
		panic(fmt.Sprintf("the machine was left changed from\n%sto\n%s", r.text, now))
	}
}

// written gives the text, or what the machine panicked with, since a changed field
// can make no sense.
func written(machine protocol.Stateful) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint("panic: ", v)
		}
	}()
	return string(machine.AppendState(nil))
}

// skips reports whether a field is excused.
func (r *reader) skips(in reflect.Type, f reflect.StructField) bool {
	name := in.Name() + "." + f.Name
	_, skip := r.excused[name]
	r.met[name] = true
	return skip
}

// declare lists the fields of a type that hold values, also those that none of the
// machines has filled.
func (r *reader) declare(path string, t reflect.Type) {
	switch t.Kind() {
	case reflect.Struct:
		for f := range t.Fields() {
			if !r.skips(t, f) {
				r.declare(path+"."+f.Name, f.Type)
			}
		}
	case reflect.Map:
		r.declare(path, t.Elem())
	case reflect.Slice, reflect.Array, reflect.Pointer:
		r.declare(path, t.Elem())
	case reflect.Interface: // walk knows what is in it
	default:
		if _, known := r.fields[path]; !known {
			r.fields[path] = false
		}
	}
}

// walk changes v, or what is in it.
func (r *reader) walk(path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !r.skips(v.Type(), f) {
				field := v.Field(i)
				r.walk(path+"."+f.Name, reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem())
			}
		}
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		if v.Kind() == reflect.Interface {
			path += "." + v.Elem().Type().Elem().Name()
			r.declare(path, v.Elem().Type())
			v = v.Elem()
		}
		r.walk(path, v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			r.walk(path, v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			r.walkEntry(path, v, key)
		}
	default:
		r.change(path, v)
	}
}

func (r *reader) walkEntry(path string, v, key reflect.Value) {
	old := v.MapIndex(key)
	value := reflect.New(v.Type().Elem()).Elem()
	value.Set(old)
	r.commit = append(r.commit, func() { v.SetMapIndex(key, value) })
	r.walk(path, value)
	r.commit = r.commit[:len(r.commit)-1]
	v.SetMapIndex(key, reflect.Value{})
	if written(r.machine) == r.text {
		panic(fmt.Sprintf("%s: an entry of the map makes no difference", path))
	}
	v.SetMapIndex(key, old)
}

// change changes a value and back.
func (r *reader) change(path string, v reflect.Value) {
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	default:
		panic(fmt.Sprintf("%s is a %v, which the test cannot change", path, v.Type()))
	}
	put := func() {
		for i := range r.commit {
			r.commit[len(r.commit)-1-i]()
		}
	}
	put()
	r.fields[path] = r.fields[path] || written(r.machine) != r.text
	v.Set(old)
	put()
}

// judge fails t for fields that made no difference.
func (r *reader) judge(t *testing.T) {
	t.Helper()
	for _, path := range protocol.SortedKeys(r.fields) {
		if !r.fields[path] && !r.excuses(path) {
			t.Errorf("%s: no change of it was seen in the state", path)
		}
	}
	for _, name := range protocol.SortedKeys(r.excused) {
		if !r.met[name] {
			t.Errorf("%s is excused (%s), but there is none", name, r.excused[name])
		}
	}
}

// excuses reports whether a part of a path is excused.
func (r *reader) excuses(path string) (excused bool) {
	for _, part := range protocol.SortedKeys(r.excused) {
		if strings.Contains(path, part) {
			r.met[part], excused = true, true
		}
	}
	return excused
}
