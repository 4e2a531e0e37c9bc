// Tests of the numbers of the small plots: node --test sim/report/page

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const FILES = ["decode", "causality", "states", "search", "highlight", "words", "view", "figures"];
const source = FILES.map((name) => readFileSync(new URL(`${name}.js`, import.meta.url), "utf8")).join("\n");
const page = new Function(`${source}; return { CODE, LOST, hasFigures, messageRates, binStart, timeScale, timeTicks, shortTime }`)();

// A trace with so many messages of each kind at each time: [kind, ns, number, lost].
function traceOf(end, messages) {
	const rows = messages.flatMap(([kind, at, number, lost = 0]) => Array.from({ length: number }, (_, i) => ({ kind, at, lost: i < lost })));
	const run = { kinds: Array.from({ length: 20 }, (_, i) => `k${i}`) };
	return { run, end, rows: rows.length, what: rows.map(() => page.CODE.sent), kind: rows.map((row) => row.kind), mark: rows.map((row) => row.lost ? page.LOST : 0),
		step: rows.map((_, i) => i), time: rows.map((row) => row.at) };
}

test("messages are counted by kind in equal parts of the run, the most frequent first", () => {
	const { width, series } = page.messageRates(traceOf(100, [[1, 0, 2], [0, 99, 3, 1], [1, 55, 4, 4], [0, 100, 1]]), 10);
	assert.equal(width, 10);
	assert.deepEqual(series.map(({ name, total, lost }) => [name, total, lost]), [["all", 10, 5], ["k1", 6, 4], ["k0", 4, 1]]);
	assert.deepEqual([...series[0].sent], [2, 0, 0, 0, 0, 4, 0, 0, 0, 4]);
	assert.deepEqual([...series[1].sent], [2, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
	assert.deepEqual([...series[2].gone], [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
});

test("rare kinds are taken together, and none is left out", () => {
	const { series } = page.messageRates(traceOf(100, Array.from({ length: 12 }, (_, kind) => [kind, 1, 12 - kind])), 10, 4);
	assert.deepEqual(series.map(({ name, total }) => [name, total]), [["all", 78], ["k0", 12], ["k1", 11], ["k2", 10], ["9 others", 45]]);
	const one = page.messageRates(traceOf(100, [[3, 1, 5]])).series;
	assert.deepEqual(one.map(({ name }) => name), ["k3"], "one kind needs no sum");
	assert.deepEqual(page.messageRates(traceOf(0, [])).series, []);
});

test("bins of durations begin where the recorder says, and cover a scale from 0 to 1", () => {
	assert.deepEqual([40, 41, 42, 43, 44].map(page.binStart), [1024, 1280, 1536, 1792, 2048]);
	const scale = page.timeScale([{ count: 2, from: 48, counts: [1, 1] }, { count: 0, from: 0, counts: [] }, { count: 1, from: 80, counts: [1] }]);
	assert.equal(scale.at(page.binStart(48)), 0);
	assert.equal(scale.at(page.binStart(81)), 1);
	assert.equal(scale.at(0), 0);
	assert.equal(page.timeScale([{ count: 0, from: 0, counts: [] }]), null);
	for (const ns of page.timeTicks(scale)) assert.ok(scale.at(ns) >= 0 && scale.at(ns) <= 1);
	assert.deepEqual(page.timeTicks(scale), [10_000, 100_000, 1_000_000]);
});

test("times have three digits and the unit that suits them", () => {
	const times = { 0: "0 ns", 7: "7 ns", 999: "999 ns", 1000: "1 µs", 12_340_000: "12.3 ms", 999_900_000: "1 s", 1_524_000_000: "1.52 s", 61e9: "61 s", 150e9: "2.5 min", 14_400e9: "4 h", 1e6: "1 ms", 123_456: "123 µs" };
	for (const [ns, text] of Object.entries(times)) assert.equal(page.shortTime(Number(ns)), text);
});

test("a run without messages and measures has no figures", () => {
	const none = { times: [], numbers: [] };
	assert.equal(page.hasFigures({ figures: none, what: "AR" }), false);
	assert.equal(page.hasFigures({ figures: none, what: "ARS" }), true);
	assert.equal(page.hasFigures({ figures: { times: [{}], numbers: [] }, what: "AR" }), true);
});
