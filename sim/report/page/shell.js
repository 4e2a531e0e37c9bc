"use strict";

// shell.js builds what the page always has: header, minimap, tools, picture and
// panels. What they show is filled in by others.

/** buildShell puts the page together and returns its parts by name. */
function buildShell(app) {
	const parts = {};
	const part = (name, element) => parts[name] = element;
	const root = el("div", { id: "app" },
		buildHeader(app, part),
		part("minimap", el("canvas", { id: "minimap", "aria-label": "The whole run; drag to move the window", role: "img" })),
		buildTools(app, part),
		el("div", { id: "work" }, buildStage(app, part), buildSide(app, part)),
		part("live", el("div", { id: "live", class: "offscreen", "aria-live": "polite" })),
		part("help", buildHelp()),
		part("nodes", el("dialog", { id: "nodes", "aria-label": "Nodes" })));
	document.body.append(root);
	parts.root = root;
	return parts;
}

function buildHeader(app, part) {
	return el("header", {},
		el("div", { class: "line" },
			part("verdict", el("span", { id: "verdict" })), part("name", el("span", { id: "name" })), part("failure", el("p", { id: "failure" })),
			el("span", { class: "push" }),
			part("runs", choice("toggle-run", "Run", app.page.runs.map((run, i) => [String(i), run.label || `run ${i + 1}`]), (value) => app.showRun(Number(value)))),
			button("theme", () => app.theming(), { id: "theme", class: "plain", title: "Light or dark (d)" }),
			button("?", () => app.parts.help.showModal(), { id: "help-button", class: "plain", "aria-label": "Help (?)" })),
		el("div", { class: "line" },
			el("code", { class: "prompt" }, "$ ", part("command", el("span", { id: "command" }))),
			button("copy", () => app.copy(app.run.command, "command"), { id: "copy" }),
			el("span", { class: "push" }), part("digest", el("span", { id: "digest", class: "quiet" }))));
}

function buildTools(app, part) {
	return el("div", { id: "tools" }, el("div", { class: "tools" },
		el("div", { class: "group", role: "group", "aria-label": "Step" },
			button("‹", () => app.move(-1), { "aria-label": "Step back (h)", title: "Step back (h)" }),
			el("label", {}, "step ", part("goto", el("input", { id: "goto", inputmode: "numeric", size: "7", "aria-label": "Go to step (g)", on: { change: (event) => app.goTo(event.target.value) } }))),
			part("total", el("span", { class: "quiet" })),
			button("›", () => app.move(1), { "aria-label": "Step forward (l)", title: "Step forward (l)" })),
		part("axis", choice("axis", "Axis (x)", [["time", "time"], ["step", "steps"]], (value) => app.setAxis(value))),
		el("div", { class: "group zoom", role: "group", "aria-label": "Zoom" },
			button("−", () => app.zoom(1 / 1.6), { "aria-label": "Zoom out (-)", title: "Zoom out (-)" }), button("+", () => app.zoom(1.6), { "aria-label": "Zoom in (+)", title: "Zoom in (+)" }),
			button("fit", () => app.fit(), { title: "The whole run (0)" })),
		el("div", { class: "group", role: "group", "aria-label": "Causes (c)" },
			part("cone", choice("cone", "Causes (c)", [["past", "past"], ["future", "future"], ["both", "both"], ["off", "off"]], (value) => app.setCone(value))),
			button("−", () => app.setHops(app.hops - 1), { "aria-label": "Fewer hops (,)", title: "Fewer hops (,)" }), part("hops", el("span", { id: "hops" })), button("+", () => app.setHops(app.hops + 1), { "aria-label": "More hops (.)", title: "More hops (.)" })),
		el("div", { class: "group", role: "group", "aria-label": "Views" },
			button("nodes", () => app.showNodes(), { title: "Choose nodes (o)" }),
			part("tabled", button("table", () => app.toggleTable(), { id: "table-button", "aria-pressed": "false", title: "A table of what happens around the cursor (t)" })))),
		el("div", { class: "group filter", role: "search" },
			part("filter", el("input", { id: "filter", type: "search", placeholder: "filter: text or node:2", "aria-label": "Filter (f)", spellcheck: "false", autocomplete: "off", on: { input: (event) => app.searchSoon(event.target.value) } })),
			part("fields", el("select", { id: "fields", "aria-label": "Filter by node, kind or fault", on: { change: (event) => chooseField(app, event.target) } })),
			button("‹", () => app.nextMatch(-1), { "aria-label": "Previous match (N)", title: "Previous match (N)" }),
			part("count", el("output", { id: "count", for: "filter" })),
			button("›", () => app.nextMatch(1), { "aria-label": "Next match (n)", title: "Next match (n)" })));
}

const MENU_ITEMS = 2000;

/** fillFilterMenu offers the nodes, kinds and faults of the run as words of the filter. */
function fillFilterMenu(app, menu) {
	const { run, trace } = app;
	const items = (field, list) => list.length ? el("optgroup", { label: field }, list.slice(0, MENU_ITEMS).map(([value, label]) => el("option", { value: `${field}:${value}` }, oneLine(label, 60)))) : null;
	fill(menu, el("option", { value: "" }, "by…"),
		items("node", run.names.map((_, node) => [node, nodeLabel(trace, node)])),
		items("kind", [...run.kinds].sort().map((kind) => [kind, kind])),
		items("fault", run.faults.map((fault) => [fault.id, fault.text])));
}

function chooseField(app, menu) {
	const [field] = menu.value.split(":", 1);
	if (field) app.search(setField(app.query, field, menu.value.slice(field.length + 1)));
	menu.value = "";
}

function buildStage(app, part) {
	return el("div", { id: "left" },
		part("stage", el("section", { id: "stage", "aria-label": "Space-time picture" },
			part("gutter", el("div", { id: "gutter" })),
			part("lanes", el("canvas", { id: "lanes", tabindex: "0", role: "img", "aria-label": "Nodes and messages; l and h step through them, ? lists all keys" })),
			part("tip", el("div", { id: "tip", hidden: true })))),
		part("table", el("section", { id: "table", hidden: true, tabindex: "0", "aria-label": "Table" })),
		part("splitter", buildSplitter(app)),
		el("div", { class: "tabs", role: "tablist", "aria-label": "Below the picture" },
			part("stateTab", tab(app, "state", "State")), part("evidenceTab", tab(app, "evidence", "Evidence")), part("figuresTab", tab(app, "figures", "Figures")), part("stateAt", el("span", { class: "quiet" }))),
		part("state", el("section", { id: "state", tabindex: "0", role: "tabpanel", "aria-label": "State" })),
		part("evidence", el("section", { id: "evidence", tabindex: "0", role: "tabpanel", "aria-label": "Evidence", hidden: true })),
		part("figures", el("section", { id: "figures", tabindex: "0", role: "tabpanel", "aria-label": "Figures", hidden: true })));
}

function buildSide(app, part) {
	return el("aside", { id: "side" },
		part("selected", el("section", { id: "selected", tabindex: "0", "aria-label": "Selected step" })),
		el("div", { class: "tabs", role: "tablist", "aria-label": "About the run" },
			part("storyTab", tab(app, "story", "Story")), part("checksTab", tab(app, "checks", "Checks")), part("aboutTab", tab(app, "about", "Run"))),
		part("story", el("section", { id: "story", tabindex: "0", role: "tabpanel", "aria-label": "Story" })),
		part("checks", el("section", { id: "checks", tabindex: "0", role: "tabpanel", "aria-label": "Checks" })),
		part("about", el("section", { id: "about", tabindex: "0", role: "tabpanel", "aria-label": "Run" })));
}

function tab(app, name, label) {
	return button(label, () => app.openTab(name), { role: "tab", "aria-controls": name, data: { tab: name } });
}

const LEGEND = [
	["send", "a message; its head says where it arrives, two heads a second copy"], ["trouble", "a message lost half way, or one that arrives at a node that is down"],
	["corrupted", "dashed, with a zigzag: corrupted on the way"], ["output", "an output"], ["note", "a note"], ["persist", "a record persisted"], ["sync", "synced"],
	["timer", "a timer set or fired"], ["hatched", "a node that is down; grey: paused"], ["parted", "a partition: one rule at side A, two at side B"], ["ring", "the step that breaks a check"],
	["number", "below a mark: the line of the story that tells of it"],
];

/** legend explains the signs of the picture. */
function legend() {
	return el("ul", { class: "legend" }, LEGEND.map(([sign, text]) => el("li", {}, el("span", { class: `sign ${sign}`, "aria-hidden": "true" }), el("span", {}, text))));
}

function buildHelp() {
	const dialog = el("dialog", { id: "help", "aria-labelledby": "help-title" },
		el("h2", { id: "help-title" }, "Keys"),
		el("dl", { class: "keys" }, KEYS.filter((key) => key.help).map((key) => el("div", {}, el("dt", {}, key.shown.map((name) => el("kbd", {}, name))), el("dd", {}, key.help)))),
		el("h2", {}, "Signs"),
		legend(),
		el("p", { class: "quiet" }, "A filter is words that must all match: free text, node:2, kind:vote, fault:1006. With a filter, causes follow only the steps that match, without a bound on hops. Wheel zooms, drag pans, shift and wheel pans, alt and wheel scrolls the lanes."),
		el("form", { method: "dialog" }, el("button", {}, "close")));
	dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
	return dialog;
}

/** buildNodes fills the dialog in which lanes are folded and columns of states kept. */
function buildNodes(app, dialog) {
	const { trace, lanes } = app;
	const box = (checked, action, label) => {
		const input = el("input", { type: "checkbox", "aria-label": label, on: { change: action } });
		input.checked = checked;
		return input;
	};
	const rows = Array.from({ length: trace.nodes }, (_, node) => el("tr", {},
		el("th", { scope: "row" }, nodeLabel(trace, node)),
		el("td", {}, box(!lanes.folded.has(node), () => app.fold(node), `lane of node ${node}`)),
		el("td", {}, box(app.pinned.has(node), () => app.pin(node), `state of node ${node}`)),
		el("td", { class: "quiet" }, `${count(trace.stepsOf[node])} steps`)));
	fill(dialog, el("h2", {}, "Nodes"),
		el("div", { class: "group" }, button("open all, to scroll", () => { app.foldAll([]); buildNodes(app, dialog); }), button("only those involved", () => { app.foldOthers(); buildNodes(app, dialog); })),
		el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ["node", "lane", "state", ""].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows))),
		el("form", { method: "dialog" }, el("button", {}, "close")));
}
