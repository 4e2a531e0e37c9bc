// Package db has requests in a database of goleveldb.
package db

import (
	"encoding/binary"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

type db struct{ *leveldb.DB }

// Put keeps a request.
func (d db) Put(request uint64) error {
	return d.DB.Put(binary.BigEndian.AppendUint64(nil, request), nil, &opt.WriteOptions{Sync: true})
}

// All returns what is kept.
func (d db) All() (all []uint64, err error) {
	i := d.NewIterator(nil, nil)
	defer i.Release()
	for i.Next() {
		all = append(all, binary.BigEndian.Uint64(i.Key()))
	}
	return all, i.Error()
}

func open(*host.Host) (workload.Store, error) {
	d, err := leveldb.OpenFile("/db", nil)
	return db{d}, err
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "db", Shows: "a database opens after a crash, with what was written to it",
		Nodes: []host.Program{workload.Keep(open)}, Requests: 20, AtOnce: 2, Every: 10 * time.Millisecond, Faults: "crash,restart",
		For: -55 * time.Second, Short: true, Checks: workload.Kept,
	}.Scenario()}
}
