"use strict";

// causality.js answers "what led to this step" and "what came of it". A hop
// goes from a step to the step that triggered it, or to the step before it on
// the same node. Both are earlier steps, so one pass in order of steps is a
// shortest-path search.

const FAR = 0xffff;

/**
 * Cone holds how many hops each step is away from a chosen one, FAR if it is
 * out of reach or, given passes, does not pass.
 */
class Cone {
	constructor(trace, step, direction, hops, passes) {
		this.hops = new Uint16Array(trace.steps + 1).fill(FAR);
		this.steps = []; // those within reach, in order
		if (step < 1 || step > trace.steps) return;
		const limit = passes ? FAR - 1 : hops;
		this.lowest = this.highest = step;
		if (direction !== "future") this.past(trace, step, limit, passes);
		if (direction !== "past") this.future(trace, step, limit, passes);
		for (let i = this.lowest; i <= this.highest; i++) if (this.hops[i] !== FAR) this.steps.push(i);
	}

	past(trace, start, limit, passes) {
		const { hops } = this;
		hops[start] = 0;
		for (let step = start; step >= this.lowest; step--) {
			const next = hops[step] + 1;
			if (next > limit) continue;
			for (const before of [trace.cause[step], trace.previous[step]]) {
				if (before === 0 || next >= hops[before] || (passes && !passes[before])) continue;
				hops[before] = next;
				if (before < this.lowest) this.lowest = before;
			}
		}
	}

	future(trace, start, limit, passes) {
		const { hops } = this;
		hops[start] = 0;
		for (let step = start + 1; step <= trace.steps; step++) {
			if (passes && !passes[step]) continue;
			const { cause, previous } = trace;
			let next = FAR;
			if (cause[step] >= start) next = hops[cause[step]] + 1;
			if (previous[step] >= start) next = Math.min(next, hops[previous[step]] + 1);
			if (next > limit) continue;
			hops[step] = Math.min(hops[step], next);
			this.highest = step;
		}
	}

	has(step) { return this.hops[step] !== FAR; }
}

/** whyChain returns the steps that triggered each other, from the given one back to its root. */
function whyChain(trace, step) {
	const chain = [];
	for (let at = step; at > 0; at = trace.cause[at]) chain.push(at);
	return chain;
}

/** rowsOf returns the rows of a step. */
function rowsOf(trace, step) {
	const rows = [];
	for (let row = trace.first[step]; row < trace.first[step + 1]; row++) rows.push(row);
	return rows;
}

// How far back overtaken messages are looked for: a bound on the work of one selection.
const OVERTAKE_ROWS = 50_000;

/**
 * overtaking returns the messages of the same link that a message overtook, and
 * those that overtook it, as rows that sent them.
 */
function overtaking(trace, sent) {
	const overtook = [], overtakenBy = [];
	const arrived = trace.target[sent];
	if (arrived < 0) return { overtook, overtakenBy };
	const sameLink = (row) => isMessage(trace, row) && trace.node[row] === trace.node[sent] && trace.peer[row] === trace.peer[sent] && trace.target[row] >= 0;
	for (let row = Math.max(0, sent - OVERTAKE_ROWS); row < sent; row++) {
		if (sameLink(row) && trace.target[row] > arrived) overtook.push(row);
	}
	for (let row = sent + 1; row < arrived; row++) {
		if (sameLink(row) && trace.target[row] < arrived) overtakenBy.push(row);
	}
	return { overtook, overtakenBy };
}

/** otherEnd returns the row at the other end of a message or timer, or -1. */
function otherEnd(trace, row) {
	return trace.origin[row] >= 0 ? trace.origin[row] : trace.target[row];
}

/** failedAt returns the checks that fail at a step; those that the end of the run breaks fail at the last. */
function failedAt(run, step) {
	const last = step === run.dt.length;
	return run.checks.filter((check) => check.verdict === "violation" && (check.step === step || (last && !check.step)));
}

/** violations returns the steps at which checks failed, in order, each once. */
function violations(run) {
	const steps = run.checks.filter((check) => check.verdict === "violation" && check.step > 0).map((check) => check.step);
	return [...new Set(steps)].sort((a, b) => a - b);
}
