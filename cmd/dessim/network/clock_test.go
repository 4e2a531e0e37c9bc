package network

import (
	"testing"
	"time"

	"dessim/protocol"
)

func TestAClockStaysBelowMaxTime(t *testing.T) {
	origin := time.Now()
	const day = 24 * time.Hour
	for _, age := range []time.Duration{-day, 0, time.Second, 49 * day, 51 * day, 99 * day, 101 * day, 40000 * day} {
		c := newClock(origin, origin.Add(age))
		end := c.at(c.left())
		if c.begin < 0 || c.left() <= 48*day || end >= protocol.MaxTime || end.Sub(c.begin) != c.left() || c.at(200*day) >= protocol.MaxTime || c.at(-1) != c.begin {
			t.Errorf("at the age of %v a clock reads %v, and has %v left until %v", age, c.begin, c.left(), end)
		}
	}
	before, after := newClock(origin, origin.Add(49*day)).begin, newClock(origin, origin.Add(51*day)).begin
	if before < protocol.Time(49*day) || after >= protocol.Time(2*day) {
		t.Errorf("a clock reads %v after 49 days and %v after 51; want it to begin again after 50", before, after)
	}
}
