"use strict";

// evidence.js shows what a check saw: two sequences beside each other at their
// first difference, or a history of operations as bars in time.

const SEQUENCE_ROWS = 400, HISTORY_ROWS = 400;

/** evidenceOf returns the elements that show the evidence of a check. */
function evidenceOf(app, check) {
	const { evidence } = check;
	const title = el("h3", {}, verdictBadge(check.verdict), " ", visible(check.name));
	const detail = check.detail ? el("p", {}, linked(app, check.detail)) : null;
	return [title, detail, evidence.kind === "history" ? historyBars(app, check) : sequences(app, evidence)];
}

function sequences(app, evidence) {
	const longest = Math.min(SEQUENCE_ROWS, Math.max(0, ...evidence.sequences.map((sequence) => sequence.items.length)));
	const rows = Array.from({ length: longest }, (_, i) => {
		const index = evidence.first + i, first = i === evidence.differ;
		const items = evidence.sequences.map((sequence) => sequence.items[i]);
		const odd = oddColumns(items.map((item) => item?.text), items.map(() => true));
		return el("tr", { class: first ? "differs first" : odd.some(Boolean) ? "differs" : null },
			el("th", { scope: "row" }, count(index), first ? el("em", {}, " ≠ first difference") : null),
			items.map((item, column) => el("td", { class: odd[column] ? "differs" : null },
				item && odd[column] ? el("span", { class: "flag" }, "≠ ") : null,
				item ? [visible(item.text), " ", item.step > 0 ? stepLink(app, item.step, `step ${count(item.step)}`) : null] : "–")));
	});
	return el("table", { class: "states sequences" },
		el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "place"), evidence.sequences.map((sequence) => el("th", { scope: "col" }, visible(sequence.name))))),
		el("tbody", {}, rows));
}

// Operations whose lengths differ more than this are drawn by the order of their ends.
const UNEVEN = 20;
const LETTER = 6.6, LANE_HIGH = 26, WHO_WIDTH = 80;

function historyBars(app, check) {
	const { title } = check.evidence, operations = check.evidence.operations.slice(0, HISTORY_ROWS);
	const axis = historyAxis(operations), room = Math.max(240, (app.stateWidth || 600) - WHO_WIDTH - 32);
	const people = [...new Set(operations.map((operation) => operation.who))];
	const lanes = people.map((who) => {
		const bars = packBars(operations.filter((operation) => operation.who === who), axis, room);
		const box = el("div", { class: "bars" }, bars.map((one) => bar(app, one)));
		box.style.height = `${Math.max(1, ...bars.map((one) => one.row + 1)) * LANE_HIGH}px`;
		return el("div", { class: "client" }, el("span", { class: "who" }, visible(who)), box);
	});
	const scale = axis.even ? `${milliseconds(axis.from)} to ${milliseconds(axis.to)}` : "in order, not to scale";
	return [el("figure", { class: "history" }, el("figcaption", {}, visible(title), el("span", { class: "quiet" }, ` · ${scale}; → never returned; ✕ fits no order`)), lanes), historyTable(app, operations)];
}

/**
 * historyAxis places times between 0 and 1: to scale, or by their order if a
 * short operation would vanish beside a long one.
 */
function historyAxis(operations) {
	const times = [...new Set(operations.flatMap((operation) => [operation.call, operation.return]).filter((time) => time >= 0))].sort((a, b) => a - b);
	const from = times[0] ?? 0, to = Math.max(from + 1, times[times.length - 1] ?? 0);
	const lengths = operations.filter((operation) => operation.return >= 0).map((operation) => operation.return - operation.call).concat(to - from);
	const even = Math.min(...lengths) * UNEVEN >= Math.max(...lengths);
	const rank = new Map(times.map((time, i) => [time, (i + 0.5) / times.length]));
	return { from, to, even, at: (time) => time < 0 ? 1 : even ? (time - from) / (to - from) : rank.get(time) };
}

/**
 * packBars gives each operation {left, width} as parts of the room, its label,
 * whether that stands inside the bar, behind it or before it, and a row in
 * which neither covers another.
 */
function packBars(operations, axis, room) {
	const ends = []; // of each row, in pixels
	return [...operations].sort((a, b) => a.call - b.call).map((operation) => {
		const left = axis.at(operation.call), width = Math.max(8 / room, axis.at(operation.return) - left);
		const label = `${operation.bad ? "✕ " : ""}${oneLine(operation.text, 80)}${operation.return < 0 ? " →" : ""}`;
		const text = label.length * LETTER + 12, start = left * room, end = start + width * room;
		const side = text <= width * room ? "inside" : end + text <= room || start < text ? "behind" : "before";
		const [first, last] = [side === "before" ? start - text : start, side === "behind" ? end + text : end];
		let row = ends.findIndex((taken) => taken <= first);
		if (row < 0) row = ends.length;
		ends[row] = last + 4;
		return { operation, label, left, width, side, row };
	});
}

function bar(app, { operation, label, left, width, side, row }) {
	const open = operation.return < 0;
	const times = `${milliseconds(operation.call)} to ${open ? "never" : milliseconds(operation.return)}`;
	const element = button(el("span", { class: side }, label), () => app.select(app.trace.stepAt(open ? operation.call : operation.return)), {
		class: `bar${operation.bad ? " bad" : ""}${open ? " open" : ""}`, title: `${label}, ${times}`,
	});
	element.style.left = `${left * 100}%`;
	element.style.width = `${width * 100}%`;
	element.style.top = `${row * LANE_HIGH + 3}px`;
	return element;
}

function historyTable(app, operations) {
	const time = (at) => at < 0 ? "never" : stepLink(app, app.trace.stepAt(at), milliseconds(at));
	return el("table", { class: "states operations" },
		el("thead", {}, el("tr", {}, ["", "who", "operation", "called", "returned"].map((name) => el("th", { scope: "col" }, name)))),
		el("tbody", {}, operations.map((operation) => el("tr", { class: operation.bad ? "differs first" : null },
			el("td", {}, operation.bad ? el("span", { class: "flag", title: "fits no order" }, "✕") : null), el("td", {}, visible(operation.who)),
			el("td", {}, oneLine(operation.text, 300)), el("td", {}, time(operation.call)), el("td", {}, time(operation.return))))));
}
