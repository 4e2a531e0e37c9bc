//go:build dessim_overlay

// This file lets the functions of bubble.go have no body.
