package volume

// CompactAt makes Compact take snapshots of logs of that length, always of 0.
func (v *Volume) CompactAt(bytes int64) { v.worth = bytes }
