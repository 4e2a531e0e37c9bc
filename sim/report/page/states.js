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
			before: recorded === step ? this.before(node, k) : null,
		};
	}

	// before returns the lines of the record before the k-th, or, of a node that was down, those
	// from before it crashed: a restart shows what the crash took.
	before(node, k) {
		for (let at = k - 1; at >= 0; at--) {
			const lines = this.lines(node, at);
			if (lines.length) return lines;
		}
		return [];
	}

	// At the kept steps every change is recorded, and what a node was before
	// them; elsewhere a step of the node after the record may have changed its state.
	isStale(node, recorded, step) {
		const [from, to] = this.trace.run.kept.states;
		if (step >= from && step <= to) return false;
		for (let at = step; at > recorded; at--) {
			if (this.trace.stepNode[at] === node) return true;
		}
		return false;
	}

	/** unchanged reports whether a node is known to be after a step as it was before. */
	unchanged(node, step) {
		const [from, to] = this.trace.run.kept.states, state = this.at(node, step);
		return step >= from && step <= to && Boolean(state?.lines.length) && state.step < step;
	}

	/** first returns the first recorded state of a node: values by path. */
	first(node) {
		this.firsts ??= new Map();
		if (!this.firsts.has(node)) {
			const lines = this.records[node].step.length ? this.lines(node, 0) : [];
			this.firsts.set(node, new Map(readState(lines).map((entry) => [entry.path, entry.value])));
		}
		return this.firsts.get(node);
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
			lines = edited(lines, states.edit[record]);
			if (at % CHECKPOINT === 0 || at === k) this.checkpoints.set(key(at), lines);
		}
		return lines;
	}
}

/**
 * edited applies hunks to lines. A hunk keeps so many, drops so many, and has so many new ones,
 * which follow; the lines after the last hunk are kept.
 */
function edited(lines, hunks) {
	const result = [];
	let from = 0, at = 0;
	while (at < hunks.length) {
		const [keep, drop, add] = hunks.slice(at, at + 3);
		for (let i = 0; i < keep; i++) result.push(lines[from + i]);
		for (let i = 0; i < add; i++) result.push(hunks[at + 3 + i]);
		from += keep + drop;
		at += 3 + add;
	}
	return result.concat(lines.slice(from));
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
 * comparable reports which of several states are of one sort: the largest group
 * that shares most of its outermost keys. Replicas are compared with each
 * other, and not with a client.
 */
function comparable(states) {
	const shapes = states.map((entries) => new Set(entries.filter((entry) => entry.depth === 0).map((entry) => entry.path)));
	const groups = shapes.map((one) => shapes.map((other) => {
		const shared = [...one].filter((path) => other.has(path)).length;
		return shared > 0 && shared * 2 >= Math.max(one.size, other.size);
	}));
	const size = (group) => group.filter(Boolean).length;
	return groups.reduce((best, group) => size(group) > size(best) ? group : best, groups[0] || []);
}

/**
 * isIdentity reports whether a row only says who the nodes are: no two share
 * their value, and each has had its own from the first. firsts has the first
 * states, as values by path.
 */
function isIdentity(row, counted, firsts) {
	const values = row.values.filter((_, i) => counted[i]);
	if (values.length < 2 || new Set(values).size < values.length) return false;
	return row.values.every((value, i) => !counted[i] || (value !== undefined && firsts[i].get(row.path) === value));
}

/**
 * firstDifference returns the first row that differs and is preferred in the
 * first of some ways; else the first in which some states agree and others do not; else the
 * first that differs. odd has the odd columns of each row. -1: nothing differs.
 */
function firstDifference(rows, counted, odd, ...preferred) {
	const agrees = (row) => {
		const values = row.values.filter((_, i) => counted[i]);
		return new Set(values).size < values.length;
	};
	const differs = odd.map((columns) => columns.some(Boolean));
	const ways = [...preferred, agrees, () => true];
	return ways.map((way) => rows.findIndex((row, i) => differs[i] && way(row))).find((i) => i >= 0) ?? -1;
}

/**
 * namesIn returns the names of transactions and messages in sentences, such as
 * 14ab6967 and 3/1.1: what a reader of a failure looks for.
 */
function namesIn(sentences) {
	return [...new Set(sentences.flatMap((sentence) => sentence.match(/\b(?:[0-9a-f]{8}|\d+\/\d+(?:[./]\d+)?)\b/g) || []))];
}

/** partsInOrder returns the rows with the outermost parts that have a wanted row first, then the others. */
function partsInOrder(rows, wanted) {
	const parts = [];
	for (const row of rows) {
		if (row.depth === 0 || !parts.length) parts.push({ rows: [], wanted: false });
		const part = parts[parts.length - 1];
		part.rows.push(row);
		part.wanted ||= wanted(row);
	}
	return [...parts.filter((part) => part.wanted), ...parts.filter((part) => !part.wanted)].flatMap((part) => part.rows);
}

/** tellingRows returns which rows are marked, or contain one that is: the others are alike and unchanged. */
function tellingRows(rows, marked) {
	const telling = rows.map(marked);
	let nested = 0; // how deep the last marked row is, whose parents are above it
	for (let i = rows.length - 1; i >= 0; i--) {
		if (!telling[i] && rows[i].depth >= nested) continue;
		telling[i] = true;
		nested = rows[i].depth;
	}
	return telling;
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
