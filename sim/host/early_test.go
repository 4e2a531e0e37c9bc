//go:build dessim_overlay

package host_test

import (
	crand "crypto/rand"
	"math/rand"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// early is drawn before main, which a library may do, too.
var early = func() string {
	return time.Duration(rand.Int63()).String() + crand.Text()
}()

func TestWhatIsDrawnBeforeMainIsTheSameInEachProcess(t *testing.T) {
	const name = "DESSIM_TEST_EARLY"
	if os.Getenv(name) != "" {
		os.Stdout.WriteString("early " + early + "\n")
		os.Exit(0)
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	c.Env = append(os.Environ(), name+"=1")
	out, err := c.CombinedOutput()
	if want := "early " + early; err != nil || !strings.Contains(string(out), want) {
		t.Errorf("another process draws %s %v; want %s", out, err, want)
	}
}
