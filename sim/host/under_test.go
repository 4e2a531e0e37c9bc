//go:build dessim_overlay

package host_test

func init() { underOverlay = true }
