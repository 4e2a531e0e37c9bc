module example.com/kvstore

go 1.26.0

require dessim v0.0.0

require pgregory.net/rapid v1.3.0 // indirect

replace dessim => ../../../..
