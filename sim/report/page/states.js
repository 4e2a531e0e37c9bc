"use strict";

// states.js rebuilds the described states of nodes and lines them up.

// Every so many records of a node a whole state is kept, so that going back is short.
const CHECKPOINT = 64;

/** States gives the state of any node after any step. */
class States {
	constructor(trace) {
		this.trace = trace;
		this.records = Array.from({ length: trace.nodes }, () => ({ step: [], index: [] }));
		this.checkpoints = new Map();
		const { states } = trace.run;
		let step = 0;
		states.step.forEach((difference, i) => {
			step += difference;
			const records = this.records[states.node[i]];
			if (records) { records.step.push(step); records.index.push(i); }
		});
	}

	/**
	 * at returns the state of a node after a step: its lines, the step it was
	 * recorded at, whether later steps may have changed it, and the lines before
	 * this step if the record is of this very step. null: nothing is recorded yet.
	 */
	at(node, step) {
		const records = this.records[node];
		const k = records ? lastAtMost(records.step, step) : -1;
		if (k < 0) return null;
		const recorded = records.step[k];
		return {
			lines: this.lines(node, k),
			step: recorded,
			stale: this.isStale(node, recorded, step),
			before: recorded === step ? (k > 0 ? this.lines(node, k - 1) : []) : null,
		};
	}

	// Between the kept steps every change is recorded; elsewhere a step of the
	// node after the record may have changed its state.
	isStale(node, recorded, step) {
		const [from, to] = this.trace.run.kept.states;
		if (recorded >= from && step <= to) return false;
		for (let at = step; at > recorded; at--) {
			if (this.trace.stepNode[at] === node) return true;
		}
		return false;
	}

	lines(node, k) {
		return this.build(node, k).map((index) => this.trace.run.lines[index] ?? "");
	}

	build(node, k) {
		const { states } = this.trace.run;
		const key = (at) => node * 0x1000000 + at;
		let from = k;
		while (from > 0 && !this.checkpoints.has(key(from))) from--;
		let lines = this.checkpoints.get(key(from)) || [];
		for (let at = this.checkpoints.has(key(from)) ? from + 1 : from; at <= k; at++) {
			const record = this.records[node].index[at];
			const keep = states.keep[record], tail = states.tail[record];
			lines = [...lines.slice(0, keep), ...states.lines[record], ...lines.slice(lines.length - tail)];
			if (at % CHECKPOINT === 0 || at === k) this.checkpoints.set(key(at), lines);
		}
		return lines;
	}
}

/** lastAtMost returns the index of the last element of a sorted list that is at most the value, or -1. */
function lastAtMost(list, value) {
	let low = -1, high = list.length - 1;
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if (list[middle] <= value) low = middle; else high = middle - 1;
	}
	return low;
}

/**
 * readState splits the lines of a state into entries with a path of keys, so
 * that states of two nodes can be compared key by key. A line without a key
 * gets its place among its siblings as key.
 */
function readState(lines) {
	const entries = [], parents = [], counts = [0];
	const seen = new Set();
	for (const line of lines) {
		const body = line.trimStart();
		const depth = Math.min((line.length - body.length) >> 1, parents.length);
		parents.length = depth;
		counts.length = depth + 1;
		const colon = body.search(/:( |$)/);
		const key = colon > 0 ? body.slice(0, colon) : "";
		const value = colon > 0 ? body.slice(colon + 1).trim() : body;
		let path = [...parents, key || "#" + counts[depth]].join("\u0000");
		while (seen.has(path)) path += "'"; // an outside machine may repeat a key
		seen.add(path);
		counts[depth]++;
		entries.push({ path, key, value, depth });
		parents.push(key || "#" + (counts[depth] - 1));
		counts.push(0);
	}
	return entries;
}

/**
 * alignStates merges the entries of several states into rows of
 * {path, key, depth, values}. A state without the row has the value undefined.
 * Rows keep the order of the states: a new one goes behind its predecessor.
 */
function alignStates(states) {
	const rows = [], byPath = new Map();
	states.forEach((entries, column) => {
		let after = null;
		for (const entry of entries) {
			let row = byPath.get(entry.path);
			if (!row) {
				row = { path: entry.path, key: entry.key, depth: entry.depth, values: new Array(states.length).fill(undefined) };
				byPath.set(entry.path, row);
				rows.splice(after === null ? 0 : rows.indexOf(after) + 1, 0, row);
			}
			row.values[column] = entry.value;
			after = row;
		}
	});
	return rows;
}

/**
 * firstDifference returns the first row in which some states agree and others
 * do not. What no two share, such as a node's own name, counts only if there is
 * nothing else. -1: nothing differs.
 */
function firstDifference(rows, counted) {
	const differs = (row) => oddColumns(row.values, counted).some(Boolean);
	const agrees = (row) => {
		const values = row.values.filter((_, i) => counted[i]);
		return new Set(values).size < values.length;
	};
	const first = rows.findIndex((row) => differs(row) && agrees(row));
	return first >= 0 ? first : rows.findIndex(differs);
}

/**
 * oddColumns returns which values of a row differ from the commonest one. With
 * no commonest, as among two, all differ.
 */
function oddColumns(values, counted) {
	const votes = new Map();
	values.forEach((value, i) => { if (counted[i]) votes.set(value, (votes.get(value) || 0) + 1); });
	if (votes.size < 2) return values.map(() => false);
	const most = Math.max(...votes.values());
	const winners = [...votes].filter(([, count]) => count === most);
	return values.map((value, i) => counted[i] && (winners.length > 1 || value !== winners[0][0]));
}
