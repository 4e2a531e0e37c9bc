"use strict";

// state_panel.js shows the states of nodes at the cursor side by side, line by
// line of the same key, with what differs and what this step changed.

const COLUMN_WIDTH = 140, KEY_WIDTH = 170, STATE_ROWS = 1200, SPOKEN = 12;
const SHORT = 14; // rows up to which a state is shown whole

/**
 * stateNodes returns the nodes whose states are shown: those the reader pinned,
 * those the step involves, then the nearest of its past.
 */
function stateNodes(app, most) {
	const { trace, step } = app, list = [...app.pinned].sort((a, b) => a - b);
	const silent = (node) => app.run.described && app.states.at(node, step || trace.steps)?.lines.length === 0 && app.picture.isUp(node, step || trace.steps);
	const add = (node) => { if (node >= 0 && node < trace.nodes && !list.includes(node) && !silent(node)) list.push(node); };
	add(app.node);
	if (step) {
		add(trace.stepNode[step]);
		for (const row of rowsOf(trace, step)) add(trace.peer[row]);
	}
	for (const node of app.involved) add(node);
	for (let node = 0; node < trace.nodes && list.length < most; node++) add(node);
	return list.slice(0, Math.max(most, app.pinned.size)).sort((a, b) => a - b);
}

/** showState fills the panel of states. */
function showState(app, panel) {
	const most = Math.max(2, Math.floor((app.stateWidth - KEY_WIDTH) / COLUMN_WIDTH));
	const nodes = stateNodes(app, most);
	if (!app.trace.nodes) { fill(panel, el("p", { class: "quiet" }, "The run has no nodes.")); return; }
	const known = nodes.some((node) => app.states.at(node, app.step || app.trace.steps));
	if (app.run.described && known) { fill(panel, describedTable(app, nodes)); return; }
	const why = app.run.described ? "No states are kept up to this step." : "The nodes of this run describe no state.";
	fill(panel, el("p", { class: "quiet" }, `${why} What each did last:`), spokenTable(app, nodes));
}

function heading(app, node, under, odd) {
	const pinned = app.pinned.has(node);
	return el("th", { scope: "col", data: { node }, class: node === app.node ? "here" : null },
		button([el("span", { "aria-hidden": "true" }, pinned ? "◉ " : ""), nodeLabel(app.trace, node)], () => app.pin(node), { class: "plain", "aria-pressed": String(pinned), title: pinned ? "Let this column go" : "Keep this column" }),
		el("small", { class: odd ? "warn" : null }, under));
}

function describedTable(app, nodes) {
	const { trace } = app, step = app.step || trace.steps;
	const states = nodes.map((node) => app.states.at(node, step));
	const entries = states.map((state) => state ? readState(state.lines) : []);
	const changed = states.map((state) => changedPaths(state));
	const names = namesIn(failedAt(app.run, step).map((check) => check.detail));
	const isNamed = (row) => names.some((name) => row.key.includes(name) || row.values.some((value) => value?.includes(name)));
	const rows = partsInOrder(alignStates(entries), isNamed);
	const kin = comparable(entries), firsts = nodes.map((node) => app.states.first(node));
	const odd = rows.map((row) => isIdentity(row, kin, firsts) ? [] : oddColumns(row.values, kin));
	const changes = (row) => changed.some((paths) => paths.has(row.path));
	const first = firstDifference(rows, kin, odd, isNamed, changes);
	const telling = tellingRows(rows, (row, i) => odd[i].some(Boolean) || changes(row));
	const { shown, controls } = chooseRows(app, rows, { changing: tellingRows(rows, changes), differing: telling, all: rows.map(() => true) });
	if (first >= 0 && controls) controls.append(button(["≠ ", pathWords(rows[first].path)], () => showDifference(app), { class: "link", title: "Show the first difference" }));
	const head = el("tr", {}, el("th", { scope: "col" }, "key"), nodes.map((node, i) => heading(app, node, ...subtitle(app, node, states[i], step))));
	const body = shown.slice(0, STATE_ROWS).map((i) => {
		const row = rows[i], shared = row.values.some((value, column) => kin[column] && value !== undefined);
		return el("tr", { class: odd[i].some(Boolean) ? (i === first ? "differs first" : "differs") : null },
			el("th", { scope: "row" }, indentation(row.depth), visible(row.key || "·"), i === first ? el("em", {}, " ≠ first difference") : null),
			row.values.map((value, column) => cell(nodes[column], value, kin[column] && shared, odd[i][column], changed[column].has(row.path), changed[column].get(row.path))));
	});
	const rest = shown.length > STATE_ROWS ? el("p", { class: "quiet" }, `and ${count(shown.length - STATE_ROWS)} more lines`) : null;
	const gone = [...new Set(changed.flatMap((paths) => paths.gone))];
	const removed = gone.length ? el("p", { class: "quiet" }, `removed in this step: ${gone.slice(0, 8).map((line) => oneLine(line, 60)).join("; ")}${gone.length > 8 ? ` and ${gone.length - 8} more` : ""}`) : null;
	const stale = states.some((state) => state?.stale) ? el("p", { class: "quiet" }, "“As of” an earlier step: the states of every step from there to here are not kept.") : null;
	return [controls, el("table", { class: "states" }, el("thead", {}, head), el("tbody", {}, body)), rest, removed, stale];
}

function pathWords(path) { return oneLine(path.split("\u0000").join(" › "), 80); }

/** showDifference scrolls the states to the first difference. */
function showDifference(app) {
	const { state } = app.parts, row = state.querySelector("tr.first");
	if (row) state.scrollTop = row.offsetTop - state.clientHeight / 2;
}

const EXTENTS = ["differing", "changing", "all"];

// chooseRows returns which rows are shown, and the buttons to show others. Short
// states are shown whole, and so are those of which nothing differs or changes.
function chooseRows(app, rows, extents) {
	const offered = EXTENTS.filter((extent) => extents[extent].includes(true));
	const extent = rows.length <= SHORT ? "all" : offered.includes(app.extent) ? app.extent : offered[0] || "all";
	const shown = rows.map((_, i) => i).filter((i) => extents[extent][i]);
	if (rows.length <= SHORT || offered.length < 2) return { shown, controls: null };
	const buttons = choice("extent", "Lines of the states (w)", offered.map((one) => [one, `${one} ${count(extents[one].filter(Boolean).length)}`]), (one) => app.showExtent(one));
	buttons.choose(extent);
	return { shown, controls: el("div", { class: "extent" }, el("span", { class: "quiet" }, "lines "), buttons) };
}

function cell(node, value, up, odd, changed, before) {
	const classes = [odd ? "differs" : "", changed ? "changed" : "", value === undefined ? "none" : ""].filter(Boolean).join(" ");
	const shown = value === undefined ? (up ? "–" : "") : value;
	return el("td", { data: { node }, class: classes || null },
		odd ? el("span", { class: "flag", title: "differs from the other nodes" }, "≠ ") : null,
		changed ? el("span", { class: "flag", title: "changed in this step" }, "● ") : null,
		visible(shown.length > 2000 ? shown.slice(0, 2000) + "…" : shown),
		changed && before ? el("small", { class: "was" }, ` was ${oneLine(before, 40)}`) : null);
}

function indentation(depth) {
	return depth ? el("span", { class: "indent", "aria-hidden": "true" }, "\u00a0\u00a0".repeat(depth)) : null;
}

// subtitle says of which step a state is, when that is not the cursor's.
function subtitle(app, node, state, step) {
	if (!state) return ["no state yet", true];
	if (state.lines.length === 0) return app.picture.isUp(node, step) ? ["describes no state", false] : [`down since step ${count(state.step)}`, true];
	if (state.step === step) return ["after this step", false];
	return state.stale ? [`as of step ${count(state.step)}`, true] : [`since step ${count(state.step)}`, false];
}

// changedPaths returns the keys whose line this step made or altered, each with its value
// before, and the lines that it took away.
function changedPaths(state) {
	const paths = new Map();
	paths.gone = [];
	if (!state || !state.before || state.before.length === 0) return paths;
	const before = new Map(readState(state.before).map((entry) => [entry.path, entry.value]));
	const now = readState(state.lines);
	for (const entry of now) {
		if (before.get(entry.path) !== entry.value) paths.set(entry.path, before.get(entry.path));
		before.delete(entry.path);
	}
	if (now.length) for (const [path, value] of before) paths.gone.push(`${path.split("\u0000").pop()}: ${value}`);
	return paths;
}

function spokenTable(app, nodes) {
	const { trace } = app, step = app.step || trace.steps;
	const columns = nodes.map((node) => latestSaid(app, node, step));
	const head = el("tr", {}, nodes.map((node, i) => heading(app, node, columns[i].length ? `up to step ${count(trace.step[columns[i][0]])}` : "nothing yet", false)));
	const body = el("tr", {}, columns.map((rows, i) => el("td", { data: { node: nodes[i] } }, el("ol", { class: "spoken" }, rows.map((row) =>
		el("li", { class: trace.step[row] === step ? "changed" : null }, stepLink(app, trace.step[row], count(trace.step[row]), row), ` ${sentence(trace, row)} `, el("span", { class: "mono" }, oneLine(textOf(trace, row), 80))))))));
	return el("table", { class: "states spoken" }, el("thead", {}, head), el("tbody", {}, body));
}

const SAYS_NOTHING = new Set([CODE.timerSet, CODE.timerCancelled, CODE.fired]);

// latestSaid returns what a node did last, but for its timers, the latest first.
function latestSaid(app, node, step) {
	const { trace } = app, said = [];
	for (let row = trace.first[step + 1] - 1; row >= 0 && said.length < SPOKEN; row--) {
		if (trace.node[row] === node && !SAYS_NOTHING.has(trace.what[row])) said.push(row);
	}
	return said;
}
