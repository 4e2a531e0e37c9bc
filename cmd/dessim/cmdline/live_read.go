package cmdline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	rec "dessim/protocol/live/record"
	"dessim/sim/enact"
	"dessim/sim/files"
	"dessim/sim/scenario"
)

// recordingEnd ends the names of the recordings of nodes.
const recordingEnd = ".rec"

// readLive makes the run again whose nodes are recorded in a folder, or refuses it.
func (p *Program) readLive(dir string) (*scenario.Recording, error) {
	recordings, err := readRecordings(dir)
	if err != nil {
		return nil, refuse("%s: %v", quote(dir), err)
	}
	s, err := p.recorded(dir, recordings)
	if err != nil {
		return nil, err
	}
	made, _, err := enact.Make(*s, recordings)
	var plan *scenario.PlanError
	switch {
	case errors.As(err, &plan), errors.Is(err, enact.ErrNothing):
		return nil, refuse("%s: %v", quote(dir), err)
	case err != nil:
		return nil, &exit{exitInternal, fmt.Sprintf("%s: the live run cannot be made again in virtual time: %v; has the program changed since?", quote(dir), err)}
	}
	return made, nil
}

// recorded returns the run that recordings are of: of dessim live, or of a further command.
func (p *Program) recorded(dir string, recordings []*rec.Recording) (*scenario.Subject, error) {
	if p.Recorded != nil {
		if s, err := p.Recorded(dir, recordings); err != nil {
			return nil, refuse("%s: %v", quote(dir), err)
		} else if s != nil {
			return s, nil
		}
	}
	s, err := scenario.ParseSubject(p.Scenarios, recordings[0].Run)
	if err != nil {
		return nil, refuse("%s: the recordings are of a run that is unknown here: %v", quote(dir), err)
	}
	return &s, nil
}

// readRecordings reads the recordings in a folder, which are of one run.
func readRecordings(dir string) ([]*rec.Recording, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errors.New(files.Reason(err))
	}
	var all []*rec.Recording
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), recordingEnd) || e.Type()&fs.ModeType != 0 {
			continue
		}
		text, _, err := readAll(filepath.Join(dir, e.Name()), maxReplay)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", e.Name(), files.Reason(err))
		}
		if len(text) == 0 {
			continue // its process was killed before it wrote
		}
		r, err := rec.Read(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		if len(all) > 0 && r.Run != all[0].Run {
			return nil, fmt.Errorf("%s is of another run than the file before it; want the recordings of one run", e.Name())
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("is a directory without recordings of nodes, whose names end in %s; want a replay file, or the folder of a live run", recordingEnd)
	}
	return all, nil
}
