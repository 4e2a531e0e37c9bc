"use strict";

// search.js reads a filter and finds what it matches. A filter is words, all of
// which must match: node:2, kind:vote, fault:1006, and free text. Quotes keep
// spaces: kind:"dht.find", "tx 4a".

/** parseFilter returns {node, kind, fault, words}; a list in each, empty if not asked for. */
function parseFilter(query) {
	const filter = { node: [], kind: [], fault: [], words: [] };
	for (const [, field, quoted, plain] of query.matchAll(/(?:(node|kind|fault):)?(?:"([^"]*)"|([^\s"]+))/g)) {
		const value = quoted ?? plain;
		if (field === "node" || field === "fault") filter[field].push(Number(value));
		else if (field === "kind") filter.kind.push(value);
		else if (value) filter.words.push(value);
	}
	return filter;
}

/** setField returns the query with its words of one field replaced. An empty value removes them. */
function setField(query, field, value) {
	const rest = query.replace(new RegExp(`(^|\\s)${field}:("[^"]*"|\\S*)`, "g"), " ").replace(/\s+/g, " ").trim();
	if (value === "") return rest;
	const word = `${field}:${/[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value}`;
	return rest ? `${word} ${rest}` : word;
}

/**
 * Matches holds the rows and steps that a query matches. A step matches if one
 * of its rows does.
 */
class Matches {
	constructor(trace, query) {
		this.rows = new Uint8Array(trace.rows);
		this.steps = new Uint8Array(trace.steps + 1);
		this.list = []; // the matching steps, in order
		const accepts = rowTest(trace, parseFilter(query));
		for (let row = 0; row < trace.rows; row++) {
			if (!accepts(row)) continue;
			this.rows[row] = 1;
			const step = trace.step[row];
			if (step > 0 && !this.steps[step]) { this.steps[step] = 1; this.list.push(step); }
		}
	}

	/** next returns the nearest matching step in a direction, 0 if there is none. */
	next(step, direction) {
		for (let at = step + direction; at > 0 && at < this.steps.length; at += direction) {
			if (this.steps[at]) return at;
		}
		return 0;
	}
}

function rowTest(trace, filter) {
	const tests = [];
	if (filter.node.length) tests.push((row) => filter.node.includes(trace.node[row]) || filter.node.includes(trace.peer[row]));
	if (filter.kind.length) {
		const kinds = new Set(filter.kind.map((kind) => trace.run.kinds.indexOf(kind)));
		tests.push((row) => trace.kind[row] >= 0 && kinds.has(trace.kind[row]));
	}
	for (const id of filter.fault) tests.push(faultTest(trace, id));
	for (const word of filter.words) tests.push(wordTest(trace, word));
	return tests.length === 1 ? tests[0] : (row) => tests.every((test) => test(row));
}

// A fault's rows are those that inject and lift it, the crashes it causes, and
// the messages that are lost between its sides while it lasts.
function faultTest(trace, id) {
	const faults = trace.run.faults.filter((fault) => fault.id === id && fault.from > 0);
	const own = [CODE.injected, CODE.lifted, CODE.crashed];
	const separated = (fault, row) => {
		const step = trace.step[row];
		if (!trace.spansOf(fault).some(([from, to]) => step >= from && (!to || step <= to))) return false;
		const side = (node) => fault.sides.findIndex((nodes) => nodes.includes(node));
		return side(trace.node[row]) !== side(trace.peer[row]);
	};
	return (row) => {
		if (own.includes(trace.what[row])) return trace.number[row] === id;
		if (!isMessage(trace, row) || !(trace.mark[row] & LOST)) return false;
		return faults.some((fault) => fault.sides.length > 0 && separated(fault, row));
	};
}

function wordTest(trace, word) {
	const pattern = new RegExp(word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
	const flags = (table) => Uint8Array.from(table, (entry) => pattern.test(entry) ? 1 : 0);
	const texts = flags(trace.run.texts), kinds = flags(trace.run.kinds), timers = flags(trace.run.timers);
	const whats = new Set(Object.values(CODE).filter((code) => pattern.test(WORDS[code])));
	const timed = new Set([CODE.fired, CODE.timerSet, CODE.timerCancelled]);
	return (row) => texts[trace.text[row]] === 1 || kinds[trace.kind[row]] === 1 || whats.has(trace.what[row])
		|| (timed.has(trace.what[row]) && timers[trace.number[row]] === 1);
}
