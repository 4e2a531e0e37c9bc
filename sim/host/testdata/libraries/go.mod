module example.com/libraries

go 1.26.0

require (
	dessim v0.0.0
	go.etcd.io/bbolt v1.5.0
	golang.org/x/net v0.61.0
	golang.org/x/sys v0.49.0
)

replace dessim => ../../../..
