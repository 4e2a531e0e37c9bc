package cmdline

import (
	"runtime"
	"strings"
	"testing"
)

func TestThreadsChangeNothingThatIsPrinted(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("there is one core")
	}
	const bootstrap = " -scenario bootstrap -nodes 200 -k 4 -delay 9ms"
	for _, c := range []struct{ args, told string }{
		{"run" + bootstrap, ""},
		{"sweep -seeds 1-2" + bootstrap, ""},
		{"stats" + bootstrap, ""},
		{"run -scenario bootstrap", "2 threads asked, the run is serial: it has 40 nodes, and gains nothing below 200"},
		{"run" + bootstrap + " -record -", "2 threads asked, the run is serial: its answers come from a *source.Recorder, which is asked in order"},
		{"sweep -seeds 1-2 -scenario churn -nodes 200 -txs 1 -until 40m", "2 threads asked, the run is serial: scenario churn does not say that its nodes can be parted"},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			want := dessim(t, strings.Fields(c.args)...)
			got := dessim(t, append(strings.Fields(c.args), "-threads", "2")...)
			if got.stdout != want.stdout || got.code != want.code {
				t.Errorf("with -threads 2 it exits with %d and prints\n%s\nwithout, %d and\n%s", got.code, got.stdout, want.code, want.stdout)
			}
			told := strings.TrimPrefix(got.stderr, want.stderr)
			if strings.Contains(c.args, "-record -") { // the summary
				told, _, _ = strings.Cut(got.stderr, "\n")
				told += "\n"
			}
			if line := strings.TrimSuffix(strings.TrimPrefix(told, "dessim: "), "\n"); line != c.told {
				t.Errorf("told %q, want %q", line, c.told)
			}
		})
	}
}
