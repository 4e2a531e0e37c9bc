"use strict";

// selected.js shows the selected step: what it is, where it comes from, what
// the node did in it, and why it happened.

const WHY_LENGTH = 40, EFFECTS = 200, OVERTAKEN = 5;

/** showSelected fills the panel of the selected step. */
function showSelected(app, panel) {
	const { trace, step } = app;
	if (!step) {
		fill(panel, el("h2", {}, trace.steps ? "The whole run" : "The run has no steps"),
			trace.steps ? el("p", { class: "quiet" }, "Click a mark or a message, or press l for the first step. All keys: ?") : null,
			broken(app, app.atEnd), el("h3", {}, "Signs"), legend());
		return;
	}
	const lead = trace.lead(step), node = trace.stepNode[step];
	const text = lead < 0 ? "" : textOf(trace, lead);
	const isTrigger = lead >= 0 && TRIGGERS.has(trace.what[lead]);
	fill(panel,
		el("p", { class: "over" }, `step ${count(step)} of ${count(trace.steps)} · ${milliseconds(trace.time[step])}`),
		el("h2", {}, node >= 0 ? el("span", { class: "node" }, nodeLabel(trace, node)) : null, lead < 0 ? "nothing" : isTrigger ? sentence(trace, lead) : "went on, its disk done"),
		broken(app, failedAt(app.run, step)),
		isTrigger && text ? el("pre", { class: "text" }, visible(text)) : null,
		lead < 0 ? null : facts(app, lead),
		isTrigger ? answers(app, lead) : null,
		effects(app, step, isTrigger),
		turnLanes(app, step),
		why(app, step));
}

// broken names the checks that failed, and says what each saw.
function broken(app, checks) {
	if (!checks.length) return null;
	const atEnd = checks.every((check) => !check.step) ? " at the end of the run" : "";
	return el("div", { class: "broken" }, el("span", { class: "verdict" }, `✕ breaks ${checks.length > 1 ? `${count(checks.length)} checks` : "a check"}${atEnd}`),
		checks.map((check) => [el("p", {}, visible(check.name), check.step || atEnd ? "" : ", at the end of the run"), check.detail ? el("p", { class: "detail" }, linked(app, clip(check.detail, 400))) : null]));
}

// facts tells where a message or a timer comes from, how long that took, and
// what it met on its way.
function facts(app, row) {
	const { trace } = app, rows = [], origin = trace.origin[row];
	const add = (name, ...value) => rows.push(el("dt", {}, name), el("dd", {}, value));
	if (origin >= 0 && isMessage(trace, origin)) {
		add("sent", stepLink(app, trace.step[origin], undefined, origin), ` by node ${trace.node[origin]}, ${milliseconds(trace.time[trace.step[origin]])}`);
		add("delay", milliseconds(trace.time[trace.step[row]] - trace.time[trace.step[origin]]));
		if (trace.what[origin] === CODE.copied) add("copy", "the link made a second copy of this message");
		if (trace.mark[origin] & CORRUPTED) add("sent as", oneLine(trace.text[origin] < 0 ? NOT_KEPT : trace.run.texts[trace.text[origin]], 300));
		addOvertaking(app, origin, add);
	} else if (origin >= 0) {
		add("set", stepLink(app, trace.step[origin], undefined, origin), `, ${milliseconds(trace.time[trace.step[origin]])}`);
	}
	if (trace.what[row] === CODE.injected || trace.what[row] === CODE.lifted || trace.what[row] === CODE.crashed) {
		const fault = app.run.faults.find((one) => one.id === trace.number[row]);
		if (fault) add("fault", button(`${fault.id}: ${oneLine(fault.text, 200)}`, () => app.search(setField(app.query, "fault", String(fault.id))), { class: "link" }));
	}
	return rows.length ? el("dl", { class: "facts" }, rows) : null;
}

function addOvertaking(app, sent, add) {
	const { overtook, overtakenBy } = overtaking(app.trace, sent);
	const list = (rows) => rows.slice(-OVERTAKEN).map((row, i) => [i ? ", " : "", visible(`${kindOf(app.trace, row)} of `), stepLink(app, app.trace.step[row], undefined, row)])
		.concat(rows.length > OVERTAKEN ? ` and ${rows.length - OVERTAKEN} more` : []);
	if (overtook.length) add("overtook", list(overtook));
	if (overtakenBy.length) add("overtaken by", list(overtakenBy));
}

// answers lists what the source answered other than benign at a row, and at the
// row that sent its message: these are the lines that made it so.
function answers(app, row) {
	const lines = answerLines(app, row);
	if (!lines.length) return null;
	return el("div", { class: "answers" }, lines.map((line) => button([el("span", { class: "quiet" }, "answer "), oneLine(line, 200)], () => app.copy(line, "answer"), { class: "answer", title: "Copy this line of the replay file" })));
}

/** answerLines returns the answers that shaped a row. */
function answerLines(app, row) {
	const { trace } = app, lines = [...trace.answersOf(row)];
	let origin = trace.origin[row];
	if (origin < 0 || !isMessage(trace, origin)) return lines;
	// The answers about a message stand at the send, or at the loss, copy or corruption after it.
	lines.push(...trace.answersOf(origin));
	for (origin++; origin < trace.rows && !trace.answersEnd(origin); origin++) lines.push(...trace.answersOf(origin));
	return [...new Set(lines)];
}

function effects(app, step, isTrigger) {
	const { trace } = app, rows = rowsOf(trace, step).slice(isTrigger ? 1 : 0).filter((row) => kindOf(trace, row) !== TURNS);
	if (!rows.length) return app.states.unchanged(trace.stepNode[step], step) ? el("p", { class: "quiet" }, "Nothing came of it: the node did nothing, and its state is as before.") : null;
	const items = rows.slice(0, EFFECTS).map((row) => effect(app, row));
	if (rows.length > EFFECTS) items.push(el("li", { class: "quiet" }, `and ${count(rows.length - EFFECTS)} more`));
	return [el("h3", {}, "In this step"), el("ol", { class: "effects" }, items)];
}

function effect(app, row) {
	const { trace } = app, target = trace.target[row], text = textOf(trace, row), what = trace.what[row];
	const other = target >= 0 && trace.step[target] !== trace.step[row] ? target : trace.what[row] === CODE.timerCancelled ? trace.origin[row] : -1;
	const shown = what === CODE.timerSet ? "" : text;
	return el("li", { class: row === app.row ? "chosen" : null, data: { what: WORDS[what] } },
		el("span", { class: `sign ${signOf(what)}`, "aria-hidden": "true" }),
		el("div", {},
			el("span", {}, trace.node[row] !== trace.stepNode[app.step] && trace.node[row] >= 0 ? `node ${trace.node[row]} ` : "", sentence(trace, row)),
			shown ? el("span", { class: "mono text" }, oneLine(shown, row === app.row ? 4000 : 160)) : null,
			other >= 0 ? el("span", { class: "where" }, other > row ? "→ " : "← ", stepLink(app, trace.step[other]),
				`, ${other > row ? "after" : "set before"} ${milliseconds(Math.abs(trace.time[trace.step[other]] - trace.time[trace.step[row]]))}`) : null,
			trace.answersOf(row).length ? answers(app, row) : null));
}

function signOf(what) {
	return {
		[CODE.sent]: "send", [CODE.copied]: "send", [CODE.output]: "output", [CODE.noted]: "note", [CODE.persisted]: "persist", [CODE.synced]: "sync",
		[CODE.lost]: "trouble", [CODE.corrupted]: "trouble", [CODE.crashed]: "trouble", [CODE.damaged]: "trouble", [CODE.discarded]: "trouble",
		[CODE.timerSet]: "timer", [CODE.timerCancelled]: "timer", [CODE.flushing]: "sync", [CODE.flushed]: "sync", [CODE.salvaged]: "persist",
	}[what] || "plain";
}

// why follows triggers back to the root: an input, a start or a fault.
function why(app, step) {
	const chain = whyChain(app.trace, step).slice(1);
	if (!chain.length) return null;
	const item = (at, words) => el("li", {}, stepLink(app, at, count(at)), el("span", {}, words));
	const items = [];
	let i = 0;
	while (i < chain.length && items.length < WHY_LENGTH) {
		const words = headline(app.trace, chain[i]);
		let alike = i + 1; // a timer that sets itself again makes many alike
		while (alike < chain.length && headline(app.trace, chain[alike]) === words) alike++;
		items.push(item(chain[i], alike - i > 1 ? `${words}, and ${count(alike - i - 1)} times before` : words));
		i = alike;
	}
	const root = chain[chain.length - 1];
	if (i < chain.length) items.push(item(root, `${count(chain.length - i)} steps before: ${headline(app.trace, root)}`));
	return [el("h3", {}, "Why: what triggered it, back to the root"), el("ol", { id: "why", class: "why" }, items)];
}
