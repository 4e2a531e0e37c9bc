"use strict";

// turns.js shows which goroutines of a node ran in a step, one after the other: a lane for each.
// A node that hosts a Go program notes them.

const TURNS = "go.turns";

/** readTurns reads the note: the goroutines in the order of their first turns, and whose turn each was. */
function readTurns(text) {
	const names = text.split(" > "), lanes = new Map();
	names.forEach((name, turn) => {
		if (!lanes.has(name)) lanes.set(name, []);
		lanes.get(name).push(turn);
	});
	return { lanes: [...lanes].map(([name, turns]) => ({ name, turns })), turns: names.length };
}

/** turnLanes draws them, or returns null for a step that has no such note. */
function turnLanes(app, step) {
	const { trace } = app;
	const row = rowsOf(trace, step).find((at) => trace.what[at] === CODE.noted && kindOf(trace, at) === TURNS);
	if (row === undefined) return null;
	const { lanes, turns } = readTurns(textOf(trace, row));
	return [el("h3", {}, "Goroutines, in the order of their turns"),
		el("ol", { class: "turns" }, lanes.map((lane) => el("li", {}, el("span", { class: "mono", title: lane.name }, visible(lane.name.replace(/^.*\/(?=[^/]*\.go:)/, ""))), turnLane(lane.turns, turns))))];
}

function turnLane(mine, all) {
	const lane = el("span", { class: "turnlane" }, mine.map((turn) => {
		const mark = el("i", { title: `turn ${turn + 1} of ${all}` });
		mark.style.gridColumn = String(turn + 1);
		return mark;
	}));
	lane.style.gridTemplateColumns = `repeat(${all}, minmax(2px, 14px))`; // the page allows no style attributes
	return lane;
}
