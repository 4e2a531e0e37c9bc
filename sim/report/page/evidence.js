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

function historyBars(app, check) {
	const operations = check.evidence.operations.slice(0, HISTORY_ROWS);
	const known = operations.flatMap((operation) => [operation.call, operation.return]).filter((time) => time >= 0);
	const from = Math.min(...known), span = Math.max(1, Math.max(...known) - from);
	const people = [...new Set(operations.map((operation) => operation.who))];
	const lanes = people.map((who) => el("div", { class: "client" },
		el("span", { class: "who" }, visible(who)),
		el("div", { class: "bars" }, operations.filter((operation) => operation.who === who).map((operation) => bar(app, operation, from, span)))));
	return el("figure", { class: "history" }, el("figcaption", {}, visible(check.evidence.title), el("span", { class: "quiet" }, ` · ${milliseconds(from)} to ${milliseconds(from + span)}; → never returned; ✕ fits no order`)), lanes);
}

function bar(app, operation, from, span) {
	const open = operation.return < 0, end = open ? from + span : operation.return;
	const label = `${operation.bad ? "✕ " : ""}${oneLine(operation.text, 80)}${open ? " →" : ""}`;
	const times = `${milliseconds(operation.call)} to ${open ? "never" : milliseconds(operation.return)}`;
	const element = button(label, () => app.select(app.trace.stepAt(open ? operation.call : operation.return)), {
		class: `bar${operation.bad ? " bad" : ""}${open ? " open" : ""}`, title: `${label}, ${times}`,
	});
	element.style.left = `${(operation.call - from) / span * 100}%`;
	element.style.width = `${Math.max(0.4, (end - operation.call) / span * 100)}%`;
	return element;
}
