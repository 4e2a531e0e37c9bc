package node

import "time"

const second = time.Second // a duration is a number

func clock(later time.Time) time.Duration {
	now := time.Now()           // want `time.Now: it is the wall clock`
	_ = time.Since(now)         // want `time.Since`
	_ = time.Until(now)         // want `time.Until`
	time.Sleep(second)          // want `time.Sleep`
	_ = time.After              // want `time.After`
	time.AfterFunc(second, nil) // want `time.AfterFunc`
	_ = time.Tick               // want `time.Tick`
	_ = time.NewTimer(second)   // want `time.NewTimer`
	_ = time.NewTicker(second)  // want `time.NewTicker`
	_ = later.Local()           // want `time.Time.Local: it is this machine's time zone`
	_ = later.In(time.Local)    // want `time.Local`
	_ = later.UTC()
	return later.Sub(now)
}

type timer struct {
	t *time.Timer // want `time.Timer`
}
