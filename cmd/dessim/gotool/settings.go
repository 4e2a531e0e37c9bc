package gotool

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/host/overlay"
)

// settings returns those of the folder in which the line is run.
func (v *invocation) settings(l *line) (s overlay.Settings, err error) {
	args := slices.Concat(overlay.SettingsArgs[:1], l.chdir, overlay.SettingsArgs[1:])
	out, said := v.ask(args)
	if err := json.Unmarshal([]byte(out), &s); err != nil || said != "" {
		return s, cmdline.Refuse("the go command fails: %s", cmp.Or(said, "go env -json does not print what it should"))
	}
	return s, nil
}

// ask runs the go command and returns its output. If it fails, said is the last line of its errors.
func (v *invocation) ask(args []string) (out, said string) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(v.ctx, v.path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = v.env, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return "", cmp.Or(lines[len(lines)-1], err.Error())
	}
	return stdout.String(), ""
}
