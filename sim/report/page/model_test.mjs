// Tests of the parts of the page that need no browser: node --test sim/report/page

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

// The files of a page share one scope, as its one script does.
const FILES = ["decode", "causality", "states", "search", "highlight", "words", "turns", "view"];
const source = FILES.map((name) => readFileSync(new URL(`${name}.js`, import.meta.url), "utf8")).join("\n");
const page = new Function(`${source}; return { Trace, Cone, States, Matches, View, Lanes, CODE, LOST, COPIED, CORRUPTED, DROPPED,
	unpack, checkPage, whyChain, failedAt, overtaking, readState, alignStates, oddColumns, firstDifference, comparable, isIdentity, namesIn, partsInOrder, tellingRows, parseFilter, setField, highlightCone, highlightMatches, storySteps, involvedNodes, splitSteps, milliseconds, visible, ticks, tickLabel, sentence, headline, textOf, readTurns }`)();

/**
 * makeRun writes a run as the recorder does. Steps are lists of rows
 * [letter, node, fields...]; a field {to: name} is the distance to the row that
 * an earlier row named with {as: name}.
 */
function makeRun(steps, more = {}) {
	const run = {
		names: ["", "", ""], checks: [], faults: [], eras: [], kinds: ["ping", "vote"], texts: ["one", "two", "bad"], timers: ["retry"], lines: [],
		dt: steps.map(() => 1e6), rows: [0, ...steps.map((rows) => rows.length)], what: "", node: [], peer: [], kind: [], text: [], link: [], num: [],
		answers: { row: [], line: [] }, states: { step: [], node: [], edit: [] }, kept: { states: [0, steps.length, 0] }, end: steps.length * 1e6, ...more,
	};
	const named = {};
	let before = 0;
	for (const row of steps.flat()) {
		const [letter, node, fields = {}] = row, at = run.what.length;
		run.what += letter;
		run.node.push(node - before);
		before = node;
		if (fields.as) named[fields.as] = at;
		if ("of" in fields) run.link.push(fields.of === null ? 0 : at - named[fields.of]);
		for (const column of ["peer", "kind", "text", "num"]) if (column in fields) run[column].push(fields[column]);
	}
	return run;
}

const sent = (node, peer, as, text = 0) => ["S", node, { peer, kind: 0, text, as }];
const received = (node, of) => ["R", node, { of }];
const input = (node) => ["R", node, { of: null, kind: 1, text: 1 }];
const trace = (steps, more) => new page.Trace(makeRun(steps, more));

// 1: input at 0, which sends to 1 and 2; 2: 1 receives and sends to 2; 3: 2
// receives the later one first; 4: 2 receives the earlier one.
const triangle = () => trace([
	[input(0), sent(0, 1, "a"), sent(0, 2, "b")],
	[received(1, "a"), sent(1, 2, "c", 1)],
	[received(2, "c")],
	[received(2, "b")],
]);

test("unpack reads what was compressed and encoded", async () => {
	const data = { version: 1, runs: [{ text: "é\u0000</script>" }] };
	assert.deepEqual(await page.unpack(`\n${gzipSync(JSON.stringify(data)).toString("base64")}\n`), data);
});

test("data that is cut off or altered is refused in one line", async () => {
	const whole = gzipSync(JSON.stringify({ version: 1, runs: [] })).toString("base64");
	for (const bad of [whole.slice(0, 24), "", "%%%", btoa("no archive")]) await assert.rejects(page.unpack(bad), /^Error: the data of this page is incomplete or damaged$/);
});

test("a page of another version is refused in one line", () => {
	assert.throws(() => page.checkPage({ version: 2, runs: [{}] }), /version 1 .* version 2/);
	assert.throws(() => page.checkPage({ version: 1, runs: [] }), /no run/);
});

test("a run whose rows are not those counted is refused", () => {
	const run = makeRun([[input(0)]]);
	run.rows[1] = 5;
	assert.throws(() => new page.Trace(run), /damaged/);
});

test("a run without steps is a trace without rows", () => {
	const empty = trace([]);
	assert.equal(empty.steps, 0);
	assert.equal(empty.stepAt(1e9), 0);
});

test("an arrival has the peer, kind and text of what was sent", () => {
	const t = triangle(), row = t.first[3];
	assert.deepEqual([t.peer[row], t.kind[row], page.textOf(t, row)], [1, 0, "two"]);
	assert.equal(page.headline(t, 3), "node 2 received ping from 1: two");
});

test("loss, copy and corruption belong to the message before them", () => {
	const t = trace([
		[input(0), sent(0, 1, "a"), ["L", 0], sent(0, 1, "b"), ["X", 0, { text: 2 }], sent(0, 1, "c"), ["Y", 0, { as: "d" }]],
		[received(1, "b")],
		[["D", 1, { of: "d" }]],
	]);
	assert.deepEqual([1, 3, 5, 6].map((row) => t.mark[row]), [page.LOST, page.CORRUPTED, page.COPIED, page.DROPPED]);
	assert.equal(page.textOf(t, t.first[2]), "bad");
	assert.equal(page.textOf(t, 3), "one");
	assert.equal(page.sentence(t, t.first[3]), "missed ping from 0, being down");
});

test("a step after a sync is caused by the step before it on its node", () => {
	const t = trace([[input(0), ["P", 0, { text: 0, num: 0 }]], [input(1)], [["Z", 0, { num: 1 }]]]);
	assert.deepEqual([...t.cause], [0, 0, 0, 1]);
	assert.deepEqual([...t.previous], [0, 0, 0, 1]);
});

test("a timer that fires is caused by the step that set it", () => {
	const t = trace([[input(0), ["T", 0, { num: 0, text: 0, as: "t" }]], [input(1)], [["F", 0, { of: "t", num: 0 }]]]);
	assert.equal(t.cause[3], 1);
	assert.equal(t.target[1], t.first[3]);
});

test("messages that span a window are found", () => {
	const t = triangle(), found = [];
	t.spanning(t.first[2], t.first[4], (row) => found.push(row));
	assert.deepEqual(found, [2]);
});

test("answers stand at the row after which they were asked", () => {
	const t = trace([[input(0), sent(0, 1, "a"), sent(0, 2, "b")]], { answers: { row: [1, 0, 1], line: ["x", "y", "z"] } });
	assert.deepEqual([0, 1, 2].map((row) => t.answersOf(row)), [[], ["x", "y"], ["z"]]);
});

test("the causal past is bounded by hops and takes the shortest way", () => {
	const t = triangle();
	assert.deepEqual(new page.Cone(t, 4, "past", 1).steps, [1, 3, 4]);
	assert.deepEqual([...new page.Cone(t, 4, "past", 9).hops].slice(1), [1, 2, 1, 0]);
});

test("the causal future holds what a step triggered, and nothing before it", () => {
	const t = triangle();
	assert.deepEqual(new page.Cone(t, 2, "future", 9).steps, [2, 3, 4]);
	assert.deepEqual(new page.Cone(t, 2, "both", 9).steps, [1, 2, 3, 4]);
});

test("with a filter causes go any number of hops, but only through what matches", () => {
	const t = triangle(), through = (...steps) => Uint8Array.from({ length: t.steps + 1 }, (_, step) => steps.includes(step) ? 1 : 0);
	assert.deepEqual(new page.Cone(t, 4, "past", 1, through(1, 2, 3, 4)).steps, [1, 2, 3, 4]);
	assert.deepEqual(new page.Cone(t, 3, "past", 1, through(1, 3)).steps, [3]);
});

test("the chain of triggers ends at its root", () => {
	assert.deepEqual(page.whyChain(triangle(), 3), [3, 2, 1]);
});

test("a message overtakes those of its link that are sent before and arrive after", () => {
	const t = trace([[input(0), sent(0, 1, "a")], [input(0), sent(0, 1, "b")], [received(1, "b")], [received(1, "a")]]);
	assert.deepEqual(page.overtaking(t, 3), { overtook: [1], overtakenBy: [] });
	assert.deepEqual(page.overtaking(t, 1), { overtook: [], overtakenBy: [3] });
});

const stateful = () => trace([[input(0)], [input(0)], [input(1)], [input(0)], [input(0)]], {
	lines: ["a: 1", "b: 2", "b: 3", "c: 4"],
	states: { step: [1, 1, 2], node: [0, 0, 0], edit: [[0, 0, 3, 0, 1, 3], [1, 1, 1, 2], [0, 3, 0]] },
	kept: { states: [0, 4, 0] },
});

test("states are rebuilt from edits, in any order", () => {
	const states = new page.States(stateful());
	assert.deepEqual(states.at(0, 3).lines, ["a: 1", "b: 3", "c: 4"]);
	assert.deepEqual(states.at(0, 1).lines, ["a: 1", "b: 2", "c: 4"]);
	assert.deepEqual(states.at(0, 4).lines, []);
	assert.equal(states.at(1, 4), null);
});

test("a state knows what it was before its step, and whether later ones are missing", () => {
	const states = new page.States(stateful());
	assert.deepEqual(states.at(0, 2).before, ["a: 1", "b: 2", "c: 4"]);
	assert.equal(states.at(0, 3).before, null);
	assert.equal(states.at(0, 3).stale, false);
	assert.equal(states.at(0, 5).stale, true);
	const late = stateful();
	late.run.kept.states = [5, 5, 0];
	assert.equal(new page.States(late).at(0, 5).stale, false);
});

test("a restart shows what the crash took", () => {
	const t = trace([[input(0)], [input(0)], [input(0)]], {
		lines: ["log: 11", "log: 4"],
		states: { step: [1, 1, 1], node: [0, 0, 0], edit: [[0, 0, 1, 0], [0, 1, 0], [0, 0, 1, 1]] },
	});
	const restarted = new page.States(t).at(0, 3);
	assert.deepEqual([restarted.lines, restarted.before], [["log: 4"], ["log: 11"]]);
});

test("a long chain of edits is rebuilt from checkpoints", () => {
	const steps = 300, t = trace(Array.from({ length: steps }, () => [input(0)]), {
		lines: Array.from({ length: steps }, (_, i) => `n: ${i}`),
		states: { step: Array(steps).fill(1), node: Array(steps).fill(0), edit: Array.from({ length: steps }, (_, i) => i === 0 ? [0, 0, 1, 0] : [0, 1, 1, i]) },
	});
	const states = new page.States(t);
	for (const step of [300, 1, 129, 128, 65, 64, 299]) assert.deepEqual(states.at(0, step).lines, [`n: ${step - 1}`]);
});

test("states are read by key and nesting; lines without a key by place", () => {
	const entries = page.readState(["ledger:", "  0: a", "  1: b", "free text", "more"]);
	assert.deepEqual(entries.map(({ key, value, depth }) => [key, value, depth]), [["ledger", "", 0], ["0", "a", 1], ["1", "b", 1], ["", "free text", 0], ["", "more", 0]]);
	assert.equal(new Set(entries.map((entry) => entry.path)).size, 5);
});

test("states are aligned by key, a missing one is no value", () => {
	const rows = page.alignStates([page.readState(["a: 1", "c: 3"]), page.readState(["a: 1", "b: 2", "c: 4"])]);
	assert.deepEqual(rows.map((row) => [row.key, ...row.values]), [["a", "1", "1"], ["b", undefined, "2"], ["c", "3", "4"]]);
});

test("the odd value is the one that differs from the commonest", () => {
	assert.deepEqual(page.oddColumns(["x", "y", "x"], [true, true, true]), [false, true, false]);
	assert.deepEqual(page.oddColumns(["x", "y"], [true, true]), [true, true]);
	assert.deepEqual(page.oddColumns(["x", "x", undefined], [true, true, false]), [false, false, false]);
});

test("the first difference is what changed, else where some agree; what no two share comes last", () => {
	const rows = page.alignStates([["name: x", "log: 1", "tail: 1"], ["name: y", "log: 1", "tail: 2"], ["name: z", "log: 1", "tail: 1"]].map(page.readState));
	const all = [true, true, true], odd = rows.map((row) => page.oddColumns(row.values, all));
	assert.equal(page.firstDifference(rows, all, odd), 2);
	assert.equal(page.firstDifference(rows, all, odd, (row) => row.key === "name"), 0);
	assert.equal(page.firstDifference(rows.slice(0, 2), all, odd.slice(0, 2)), 0);
	assert.equal(page.firstDifference(rows.slice(1, 2), all, odd.slice(1, 2)), -1);
});

test("states are compared with those that have the same outermost keys", () => {
	const replica = ["log: 1", "  0: a", "term: 2", "role: leader"], client = ["log: 1", "asked: 3", "waits: 4"];
	assert.deepEqual(page.comparable([client, replica, [], replica.slice(0, 3)].map(page.readState)), [false, true, false, true]);
	assert.deepEqual(page.comparable([]), []);
});

test("a name of its own that a node has from the first is no difference", () => {
	const rows = page.alignStates([["name: x", "log: 1"], ["name: y", "log: 2"]].map(page.readState));
	const firsts = [["name: x"], ["name: y", "log: 2"]].map((lines) => new Map(page.readState(lines).map((entry) => [entry.path, entry.value])));
	assert.deepEqual(rows.map((row) => page.isIdentity(row, [true, true], firsts)), [true, false]);
});

test("parts with what a failure names come first", () => {
	assert.deepEqual(page.namesIn(["node 2 has 14ab6967 at 1, of 5/8.2", "again 14ab6967"]), ["14ab6967", "5/8.2"]);
	const rows = page.alignStates([page.readState(["a:", "  b: 1", "ledger:", "  0: 14ab6967", "c: 2"])]);
	assert.deepEqual(page.partsInOrder(rows, (row) => row.values.includes("14ab6967")).map((row) => row.key), ["ledger", "0", "a", "b", "c"]);
});

test("rows that tell something are shown with those that contain them", () => {
	const rows = page.alignStates([page.readState(["a:", "  b: 1", "  c:", "    d: 2", "e:", "  f: 3", "g: 4"])]);
	assert.deepEqual(page.tellingRows(rows, (row) => "dg".includes(row.key)), [true, false, true, true, false, false, true]);
});

test("a filter is read as fields, quoted text and words", () => {
	assert.deepEqual(page.parseFilter('node:2 kind:"a b" fault:7 "two words" one'), { node: [2], kind: ["a b"], fault: [7], words: ["two words", "one"] });
});

test("a field of a filter is replaced, not added", () => {
	assert.equal(page.setField("node:1 text", "node", "2"), "node:2 text");
	assert.equal(page.setField("text", "kind", "a b"), 'kind:"a b" text');
	assert.equal(page.setField("node:1 text", "node", ""), "text");
});

test("a filter matches steps by text, kind, node and words of what happened", () => {
	const t = triangle(), steps = (query) => new page.Matches(t, query).list;
	assert.deepEqual(steps("TWO"), [1, 2, 3]);
	assert.deepEqual(steps("kind:vote"), [1]);
	assert.deepEqual(steps("node:1"), [1, 2, 3]);
	assert.deepEqual(steps("node:1 one"), [1, 2]);
	assert.deepEqual(steps(".*"), []);
	assert.equal(new page.Matches(t, "kind:ping").next(1, 1), 2);
});

test("a message stands out if both its ends are causes, or if it is lost by one", () => {
	const t = trace([[input(0), sent(0, 1, "a"), sent(0, 2, "b"), sent(0, 2, "c"), ["L", 0]], [received(1, "a")], [received(2, "b")]]);
	const highlight = page.highlightCone(t, new page.Cone(t, 2, "past", 9));
	assert.deepEqual([1, 2, 3].map(highlight.arrow), [true, false, true]);
});

test("the nodes of a highlight come by hops or by steps, the cursor's first", () => {
	const t = triangle(), highlight = page.highlightCone(t, new page.Cone(t, 3, "past", 9));
	assert.deepEqual(page.involvedNodes(t, highlight, 0, 3), [0, 2, 1]);
	assert.deepEqual(page.involvedNodes(t, page.highlightMatches(new page.Matches(t, "node:1")), -1, 3), [2, 1, 0]);
	assert.deepEqual(page.involvedNodes(t, null, -1, 0), []);
});

test("a fault that comes and goes has a span for each time", () => {
	const fault = { id: 7, op: "cut", text: "", from: 1, to: 6, sides: [], node: -1 };
	const mark = (letter) => [[letter, -1, { text: 0, num: 7 }]];
	const t = trace([mark("I"), mark("J"), [input(0)], mark("I"), [input(0)], mark("J")], { faults: [fault] });
	assert.deepEqual(t.spansOf(fault), [[1, 2], [4, 6]]);
	const open = trace([mark("I"), mark("J"), mark("I")], { faults: [{ ...fault, to: 0 }] });
	assert.deepEqual(open.spansOf(open.faults[0]), [[1, 2], [3, 0]]);
});

test("what is lost while a fault is away is not its doing", () => {
	const mark = (letter) => [[letter, -1, { text: 0, num: 7 }]], loss = () => [input(0), sent(0, 1, "a"), ["L", 0]];
	const t = trace([mark("I"), mark("J"), loss(), mark("I"), loss()], { faults: [{ id: 7, op: "cut", text: "", from: 1, to: 0, sides: [[0], [1]], node: -1 }] });
	assert.deepEqual(new page.Matches(t, "fault:7").list, [1, 2, 4, 5]);
});

test("a story lets the steps that it names stand out, with the number of a line and what a node said", () => {
	const t = triangle(), story = page.storySteps({ story: ["lost: no step", "step 1, 1 ms  input", "step 4, 2 ms  node 2 receives ping", "step 4, 2 ms  node 2: delivered 7", "step 4, 2 ms  node 2: more"] }, t.steps);
	assert.deepEqual([...story], [[1, { line: 2, text: "" }], [4, { line: 3, text: "delivered 7" }]]);
	const highlight = page.highlightCone(t, new page.Cone(t, 4, "past", 0), story);
	assert.deepEqual([highlight.steps, highlight.step(1), highlight.step(2)], [[1, 4], true, false]);
});

test("a fault matches what it does, and what is lost between its sides", () => {
	const t = trace([
		[["I", -1, { text: 0, num: 7 }]],
		[input(0), sent(0, 1, "a"), ["L", 0]],
		[["J", -1, { text: 0, num: 7 }]],
		[input(0), sent(0, 1, "b"), ["L", 0]],
	], { faults: [{ id: 7, op: "cut", text: "", from: 1, to: 3, sides: [[0], [1]], node: -1 }] });
	assert.deepEqual(new page.Matches(t, "fault:7").list, [1, 2, 3]);
});

test("what the end of the run breaks fails at the last step", () => {
	const check = (name, step, verdict = "violation") => ({ name, step, verdict });
	const t = trace([[input(0)], [input(1)]], { checks: [check("a", 1), check("b", 0), check("c", 0, "pass"), check("d", 2)] });
	const names = (step) => page.failedAt(t.run, step).map((one) => one.name);
	assert.deepEqual([names(1), names(2)], [["a"], ["b", "d"]]);
});

test("mentions of steps are split off, those of other runs are not", () => {
	assert.deepEqual(page.splitSteps("at step 1,200, not step 9999", 2000), ["at ", { step: 1200, text: "step 1,200" }, ", not step 9999"]);
});

test("times have three digits, or six", () => {
	assert.equal(page.milliseconds(1204318000), "1204.318 ms");
	assert.equal(page.milliseconds(574630001), "574.630001 ms");
});

test("what would not be seen, or would turn the text around, is written out", () => {
	assert.equal(page.visible("a\u202eb\u0000"), "a⟨202e⟩b⟨00⟩");
	assert.equal(page.visible("\ud800 é 中"), "⟨d800⟩ é 中");
	assert.equal(page.visible("a\nb"), "a\nb");
});

test("zooming keeps what is under the pointer", () => {
	const view = new page.View(triangle());
	view.width = 1000;
	const before = view.positionAt(300);
	view.zoom(2, 300);
	assert.ok(Math.abs(view.positionAt(300) - before) < 1);
});

test("a change of axis keeps the steps in the window", () => {
	const t = trace(Array.from({ length: 100 }, () => [input(0)])), view = new page.View(t);
	view.width = 1000;
	view.showAround(50, 10, 10);
	const before = view.visible();
	view.setAxis("step");
	const [first, last] = view.visible();
	assert.ok(first <= before[0] && last >= before[1] && last - first < 30, `${before} became ${[first, last]}`);
});

test("the window stays within the run", () => {
	const view = new page.View(triangle());
	view.width = 1000;
	view.pan(-1e9);
	assert.equal(view.from, view.extent()[0]);
	view.zoom(1e-9);
	assert.ok(view.isWhole());
});

test("ticks are round and labelled in the unit of their distance", () => {
	const { step, list } = page.ticks(0, 1e9, 5, false);
	assert.deepEqual([step, list.length], [2e8, 6]);
	assert.equal(page.tickLabel(2e8, step), "0.2 s");
	assert.equal(page.tickLabel(0, page.ticks(0, 0, 5, false).step), "0 ms");
	assert.equal(page.tickLabel(1500, 500), "1.5 µs");
});

test("lanes are open when all fit, else only those involved, or all of them to scroll", () => {
	const t = trace([[input(0)]], { names: Array(200).fill("") }), lanes = new page.Lanes(t);
	lanes.layout(0, 5000, []);
	assert.equal(lanes.open.length, 200);
	lanes.layout(0, 400, [7, 3]);
	assert.deepEqual([lanes.open, lanes.thin.length], [[3, 7], 198]);
	assert.ok(lanes.bottom <= 400);
	lanes.all = true;
	lanes.layout(0, 400, [7, 3]);
	assert.equal(lanes.open.length, 200);
	assert.ok(lanes.hidden > 3000 && lanes.reveal(199) && lanes.inWindow(lanes.y[199] - lanes.hidden));
	lanes.all = false;
	lanes.folded.add(7);
	lanes.layout(0, 400, [7, 3]);
	assert.deepEqual(lanes.open, [3]);
});

test("a note of turns has a lane for each goroutine", () => {
	assert.deepEqual(page.readTurns("main > a.go:1/2fa > b.go:2/f00 > a.go:1/2fa"), {
		lanes: [{ name: "main", turns: [0] }, { name: "a.go:1/2fa", turns: [1, 3] }, { name: "b.go:2/f00", turns: [2] }], turns: 4,
	});
});
