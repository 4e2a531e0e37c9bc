module dessim

go 1.26
