# Everything a reviewer would run. "make" alone shows what there is.

STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
SEEDS = 1000
T = 30s

help:      ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

check: fmt vet lint test run      ## all that must pass

fmt:       ## formatting
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }

vet:       ## go vet
	go vet ./...

lint:      ## staticcheck
	$(STATICCHECK) ./...

test:      ## the tests
	go test ./...

race:      ## the short tests under the race detector
	go test -race -short ./sim/... ./scenarios ./cmd/...

run:       ## the main job, twice in two processes
	go run ./cmd/dessim -seed 42 -scenario concurrent -verify

soak:      ## both scenarios on SEEDS seeds, plain and lossy
	go test ./scenarios -run TestSoak -count=1 -timeout 0 -v -soak.seeds=$(SEEDS)

bench:     ## kernel benchmarks; feed two outputs to benchstat
	go test ./sim -run '^$$' -bench 'PHOLD|Queue' -benchtime 3000000x -count 5

fuzz:      ## every fuzz target for T each
	@set -e; for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "$$p $$f"; go test $$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $(T); done; done

.PHONY: help check fmt vet lint test race run soak bench fuzz
