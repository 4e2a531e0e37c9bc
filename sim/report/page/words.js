"use strict";

// words.js says in words what the picture shows: for the panel, the table, the
// labels and the live region.

const WORDS = Object.fromEntries(Object.entries({
	started: "started", crashed: "crashed", received: "received", fired: "timer fired", sent: "sent", lost: "lost", copied: "copied",
	corrupted: "corrupted", dropped: "arrived at a node that is down", persisted: "persisted", synced: "synced", discarded: "discarded",
	output: "output", noted: "noted", injected: "fault", lifted: "fault lifted", damaged: "damaged", timerSet: "timer set", timerCancelled: "timer cancelled",
	flushing: "flush begun", flushed: "flush done", salvaged: "salvaged",
}).map(([name, words]) => [CODE[name], words]));

const NOT_KEPT = "(not kept)";

/** count writes a number with separators of thousands. */
function count(number) {
	return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** milliseconds writes a time as dessim does: three digits behind the point, or six if it is not whole microseconds. */
function milliseconds(ns) {
	const [whole, fraction] = (Math.abs(ns) / 1e6).toFixed(6).split(".");
	return `${ns < 0 ? "-" : ""}${whole}.${fraction.replace(/000$/, "")} ms`;
}

// Control characters and marks that turn the direction of text would change
// what the reader sees around them.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]/u;

/** visible returns text with every character that is not seen written as its code point. */
function visible(text) {
	if (!UNSEEN.test(text)) return text;
	return Array.from(text, (character) => UNSEEN.test(character) ? `⟨${character.codePointAt(0).toString(16).padStart(2, "0")}⟩` : character).join("");
}

/** oneLine returns text on one line, cut at a length. */
function oneLine(text, length = 120) {
	const cut = text.length > length ? text.slice(0, length) + "…" : text;
	return visible(cut.replace(/[\n\t]+/g, " "));
}

/** textOf returns the text of a row, "" if it has none. */
function textOf(trace, row) {
	const index = trace.text[row];
	if (index >= 0) return trace.run.texts[index] ?? "";
	return USES_TEXT.has(trace.what[row]) ? NOT_KEPT : "";
}

const USES_TEXT = new Set([CODE.sent, CODE.copied, CODE.received, CODE.dropped, CODE.persisted, CODE.output, CODE.noted, CODE.flushing, CODE.flushed, CODE.salvaged]);

/** kindOf returns the kind of a row, "" if it has none. */
function kindOf(trace, row) {
	return trace.run.kinds[trace.kind[row]] ?? "";
}

/** nodeLabel returns "node 2" or "node 2 alice". */
function nodeLabel(trace, node) {
	if (node < 0) return "outside";
	const name = trace.run.names[node];
	return name ? `node ${node} ${oneLine(name, 24)}` : `node ${node}`;
}

/** sentence says what a row is, without its node and without its text. */
function sentence(trace, row) {
	const what = trace.what[row], number = trace.number[row];
	const kind = oneLine(kindOf(trace, row), 60), peer = trace.peer[row];
	const timer = () => oneLine(trace.run.timers[number] ?? String(number), 60);
	switch (what) {
	case CODE.started: return `started, incarnation ${number}`;
	case CODE.received: return trace.origin[row] < 0 ? `input${kind && ` ${kind}`}` : `received ${kind} from ${peer}`;
	case CODE.dropped: return trace.origin[row] < 0 ? `missed the input${kind && ` ${kind}`}, being down` : `missed ${kind} from ${peer}, being down`;
	case CODE.sent: return `sent ${kind} to ${peer}${fate(trace, row)}`;
	case CODE.copied: return `a second copy of ${kind} to ${peer}${fate(trace, row)}`;
	case CODE.fired: return `timer ${timer()} fired`;
	case CODE.timerSet: return `set timer ${timer()}, ${oneLine(textOf(trace, row), 40)}`;
	case CODE.timerCancelled: return `cancelled timer ${timer()}`;
	case CODE.persisted: return `persisted record ${number}`;
	case CODE.synced: return `synced, records below ${number} survive`;
	case CODE.flushing: return number ? `began flush ${number}` : "made records safe";
	case CODE.flushed: return `is told of flush ${number}`;
	case CODE.salvaged: return `after the crash, record ${number}`;
	case CODE.discarded: return `discarded the records below ${number}`;
	case CODE.output: return `output ${kind}`;
	case CODE.noted: return `noted ${kind}`;
	default: return WORDS[what];
	}
}

function fate(trace, sent) {
	const mark = trace.mark[sent], words = [];
	if (mark & LOST) words.push("lost");
	if (mark & COPIED) words.push("copied");
	if (mark & CORRUPTED) words.push("corrupted");
	if (mark & DROPPED) words.push("the node is down");
	return words.length ? ` (${words.join(", ")})` : "";
}

/** headline says in one line what a step is. */
function headline(trace, step) {
	const row = trace.lead(step);
	if (row < 0) return "nothing";
	const node = trace.node[row];
	const text = TRIGGERS.has(trace.what[row]) ? sentence(trace, row) : `went on, its disk done: ${sentence(trace, row)}`;
	const said = textOf(trace, row);
	return `${node >= 0 ? `node ${node} ` : ""}${text}${said ? `: ${oneLine(said, 80)}` : ""}`;
}

/** splitSteps splits text at its mentions of steps: strings, and {step, text} for what becomes a link. */
function splitSteps(text, steps) {
	const parts = [];
	let from = 0;
	for (const match of text.matchAll(/\bstep (\d[\d,]*\d|\d)/g)) {
		const step = Number(match[1].replaceAll(",", ""));
		if (step < 1 || step > steps) continue;
		if (match.index > from) parts.push(text.slice(from, match.index));
		parts.push({ step, text: match[0] });
		from = match.index + match[0].length;
	}
	if (from < text.length) parts.push(text.slice(from));
	return parts;
}

/** stateWord returns the latest era texts of a node at a step: what it says it is. */
function eraAt(eras, node, step) {
	const list = eras[node];
	if (!list) return null;
	const k = lastAtMost(list.step, step);
	return k < 0 ? null : { step: list.step[k], row: list.row[k] };
}

/** findEras collects, for each node, the rows that say what it is from then on. */
function findEras(trace) {
	const kinds = new Set(trace.run.eras || []);
	const eras = Array.from({ length: trace.nodes }, () => ({ step: [], row: [] }));
	for (let row = 0; row < trace.rows && kinds.size; row++) {
		if (!kinds.has(trace.kind[row])) continue;
		const what = trace.what[row];
		if ((what !== CODE.output && what !== CODE.noted) || !eras[trace.node[row]]) continue;
		eras[trace.node[row]].step.push(trace.step[row]);
		eras[trace.node[row]].row.push(row);
	}
	return eras;
}
