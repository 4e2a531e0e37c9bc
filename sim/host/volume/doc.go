// Package volume is a file system in memory that says what a crash leaves of it.
package volume
