package raftgroup

import "fmt"

// Quiet is a logger for the library: it drops everything, but panics for what must not happen.
type Quiet struct{}

// Debug and the next seven drop their arguments.
func (Quiet) Debug(...any)            {}
func (Quiet) Debugf(string, ...any)   {}
func (Quiet) Info(...any)             {}
func (Quiet) Infof(string, ...any)    {}
func (Quiet) Warning(...any)          {}
func (Quiet) Warningf(string, ...any) {}
func (Quiet) Error(...any)            {}
func (Quiet) Errorf(string, ...any)   {}

// Fatal and the others panic.
func (Quiet) Fatal(v ...any)                 { panic(fmt.Sprint(v...)) }
func (Quiet) Fatalf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
func (Quiet) Panic(v ...any)                 { panic(fmt.Sprint(v...)) }
func (Quiet) Panicf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
