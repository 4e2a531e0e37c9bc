"use strict";

// keys.js is the keyboard: everything that can be done, and the help for it.

const KEYS = [
	{ keys: ["h", "ArrowLeft"], shown: ["h", "←"], help: "step back", act: (app) => app.move(-1) },
	{ keys: ["l", "ArrowRight"], shown: ["l", "→"], help: "step forward", act: (app) => app.move(1) },
	{ keys: ["H"], shown: ["H"], help: "step back, same node", act: (app) => app.moveOnNode(-1) },
	{ keys: ["L"], shown: ["L"], help: "step forward, same node", act: (app) => app.moveOnNode(1) },
	{ keys: ["j", "ArrowDown"], shown: ["j", "↓"], help: "lane below", act: (app) => app.moveLane(1) },
	{ keys: ["k", "ArrowUp"], shown: ["k", "↑"], help: "lane above", act: (app) => app.moveLane(-1) },
	{ keys: ["["], shown: ["["], help: "previous violation", act: (app) => app.moveViolation(-1) },
	{ keys: ["]"], shown: ["]"], help: "next violation", act: (app) => app.moveViolation(1) },
	{ keys: ["m"], shown: ["m"], help: "other end of the message or timer", act: (app) => app.otherEnd() },
	{ keys: ["e"], shown: ["e"], help: "next effect of this step", act: (app) => app.nextEffect() },
	{ keys: ["c"], shown: ["c"], help: "causes: past, future, both, off", act: (app) => app.nextCone() },
	{ keys: [","], shown: [","], help: "fewer hops", act: (app) => app.setHops(app.hops - 1) },
	{ keys: ["."], shown: ["."], help: "more hops", act: (app) => app.setHops(app.hops + 1) },
	{ keys: ["f", "/"], shown: ["f", "/"], help: "filter", act: (app) => focusOn(app.parts.filter) },
	{ keys: ["n"], shown: ["n"], help: "next match", act: (app) => app.nextMatch(1) },
	{ keys: ["N"], shown: ["N"], help: "previous match", act: (app) => app.nextMatch(-1) },
	{ keys: ["+", "="], shown: ["+"], help: "zoom in", act: (app) => app.zoom(1.6) },
	{ keys: ["-", "_"], shown: ["-"], help: "zoom out", act: (app) => app.zoom(1 / 1.6) },
	{ keys: ["<"], shown: ["<"], help: "pan left", act: (app) => app.pan(-0.25) },
	{ keys: [">"], shown: [">"], help: "pan right", act: (app) => app.pan(0.25) },
	{ keys: ["0"], shown: ["0"], help: "the whole run", act: (app) => app.fit() },
	{ keys: ["v"], shown: ["v"], help: "back to the selected step", act: (app) => app.showSelection() },
	{ keys: ["x"], shown: ["x"], help: "axis: time or steps", act: (app) => app.setAxis(app.view.axis === "time" ? "step" : "time") },
	{ keys: ["g"], shown: ["g"], help: "go to a step", act: (app) => focusOn(app.parts.goto) },
	{ keys: ["t"], shown: ["t"], help: "table", act: (app) => app.toggleTable() },
	{ keys: ["o"], shown: ["o"], help: "choose nodes", act: (app) => app.showNodes() },
	{ keys: ["a"], shown: ["a"], help: "all lanes, to scroll, or those that matter", act: (app) => app.showAllLanes(!app.lanes.all) },
	{ keys: ["PageUp"], shown: ["PgUp"], help: "scroll the lanes up", act: (app) => app.scrollLanes(-200) },
	{ keys: ["PageDown"], shown: ["PgDn"], help: "scroll the lanes down", act: (app) => app.scrollLanes(200) },
	{ keys: ["z"], shown: ["z"], help: "fold or open this node", act: (app) => app.fold(app.node) },
	{ keys: ["p"], shown: ["p"], help: "keep this node's state in view", act: (app) => app.pin(app.node) },
	{ keys: ["w"], shown: ["w"], help: "lines of the states: differing, changing, all", act: (app) => app.nextExtent() },
	{ keys: ["s"], shown: ["s"], help: "state or evidence", act: (app) => app.openTab(app.parts.state.hidden ? "state" : "evidence") },
	{ keys: ["r"], shown: ["r"], help: "story, checks, run", act: (app) => app.nextTab() },
	{ keys: ["y"], shown: ["y"], help: "copy the answer that made it so", act: (app) => app.copyAnswer() },
	{ keys: ["Y"], shown: ["Y"], help: "copy the command", act: (app) => app.copy(app.run.command, "command") },
	{ keys: ["b"], shown: ["b"], help: "before or after shrinking", act: (app) => app.showRun((app.index + 1) % app.page.runs.length) },
	{ keys: ["d"], shown: ["d"], help: "light or dark", act: (app) => app.theming() },
	{ keys: ["?"], shown: ["?"], help: "this help", act: (app) => app.parts.help.showModal() },
	{ keys: ["Escape"], shown: ["Esc"], help: "clear the filter, then the selection", act: (app) => app.clear() },
];

const KEY_OF = new Map(KEYS.flatMap((key) => key.keys.map((name) => [name, key])));

function focusOn(input) {
	input.focus();
	input.select();
}

/** listenToKeys makes the keyboard work wherever the focus is, except while something is typed. */
function listenToKeys(app) {
	document.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
		const { target } = event;
		if (target.matches("input, select, textarea")) { leaveField(app, event, target); return; }
		const key = KEY_OF.get(event.key);
		if (!key || (/^(Arrow|Page)/.test(event.key) && scrolls(target))) return;
		event.preventDefault();
		key.act(app);
	});
}

// leaveField gives the keyboard back to the picture: Enter in the filter goes
// to the next match, Escape empties it.
function leaveField(app, event, target) {
	if (event.key !== "Enter" && event.key !== "Escape") return;
	if (target === app.parts.filter) {
		event.preventDefault();
		app.search(event.key === "Escape" ? "" : target.value);
		if (event.key === "Enter") app.nextMatch(1, true);
	} else if (target === app.parts.goto && event.key === "Enter") app.goTo(target.value);
	target.blur();
	app.parts.lanes.focus();
}

// scrolls reports whether arrows in a focused panel move its content.
function scrolls(target) {
	return target.matches("section, section *") && !target.matches("canvas");
}
