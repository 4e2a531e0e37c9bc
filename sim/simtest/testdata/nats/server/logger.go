package server

import (
	"log"
	"strings"
)

// logger writes warnings and worse.
type logger struct{ exits bool }

func (logger) Noticef(string, ...any)         {}
func (logger) Debugf(string, ...any)          {}
func (logger) Tracef(string, ...any)          {}
func (logger) Warnf(format string, a ...any)  { log.Printf("warning: "+format, a...) }
func (logger) Fatalf(format string, a ...any) { log.Fatalf(format, a...) }

func (l logger) Errorf(format string, a ...any) {
	log.Printf("error: "+format, a...)
	if l.exits && strings.Contains(format, "Critical write error") {
		log.Fatal("a supervisor starts the server again")
	}
}
