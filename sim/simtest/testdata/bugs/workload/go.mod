module example.com/bugs/workload

go 1.26.0

require dessim v0.0.0

replace dessim => ../../../../..
