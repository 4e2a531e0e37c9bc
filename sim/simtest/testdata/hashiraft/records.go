package hashiraft

import (
	"encoding/json"

	"github.com/hashicorp/raft"

	"dessim/sim/host"
)

// records is a LogStore and a StableStore of hashicorp/raft on the records of a host: each change of
// the store in memory is persisted and synced, too.
type records struct {
	*raft.InmemStore
	host *host.Host
}

// record is one change. Of its fields, those of one method are set.
type record struct {
	Logs     []*raft.Log `json:",omitempty"`
	Min, Max uint64      `json:",omitempty"`
	Key      []byte      `json:",omitempty"`
	Value    []byte      `json:",omitempty"`
	Number   *uint64     `json:",omitempty"`
}

// newRecords returns the store as it was when the last life ended.
func newRecords(h *host.Host) (*records, error) {
	r := &records{raft.NewInmemStore(), h}
	for _, b := range h.Records() {
		var x record
		err := json.Unmarshal(b, &x)
		switch {
		case err != nil:
		case x.Logs != nil:
			err = r.InmemStore.StoreLogs(x.Logs)
		case x.Number != nil:
			err = r.InmemStore.SetUint64(x.Key, *x.Number)
		case x.Key != nil:
			err = r.InmemStore.Set(x.Key, x.Value)
		default:
			err = r.InmemStore.DeleteRange(x.Min, x.Max)
		}
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *records) keep(x record, err error) error {
	if err != nil {
		return err
	}
	b, err := json.Marshal(x)
	if err == nil {
		r.host.Persist(b)
		r.host.Sync()
	}
	return err
}

func (r *records) StoreLog(l *raft.Log) error { return r.StoreLogs([]*raft.Log{l}) }

func (r *records) StoreLogs(l []*raft.Log) error {
	return r.keep(record{Logs: l}, r.InmemStore.StoreLogs(l))
}

func (r *records) DeleteRange(min, max uint64) error {
	return r.keep(record{Min: min, Max: max}, r.InmemStore.DeleteRange(min, max))
}

func (r *records) Set(k, v []byte) error {
	return r.keep(record{Key: k, Value: v}, r.InmemStore.Set(k, v))
}

func (r *records) SetUint64(k []byte, v uint64) error {
	return r.keep(record{Key: k, Number: &v}, r.InmemStore.SetUint64(k, v))
}
