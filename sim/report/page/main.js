"use strict";

// main.js starts the page, keeps its link, and says so if anything goes wrong.

/** readLink applies #step=4117&node=2&run=1&q=text to the page. */
function readLink(app) {
	const link = new URLSearchParams(location.hash.slice(1));
	const run = Number(link.get("run") || 0);
	if (run !== app.index) app.showRun(run);
	const axis = link.get("axis");
	if (axis === "time" || axis === "step") app.setAxis(axis);
	const query = link.get("q") ?? link.get("filter") ?? "";
	if (query !== app.query) app.search(query);
	const node = link.has("node") ? Number(link.get("node")) : undefined;
	const known = node >= 0 && node < app.trace.nodes ? node : undefined;
	let step = Number(link.get("step") || 0);
	if (!step && known !== undefined) step = app.trace.lastStepOf(known, app.step || app.trace.steps);
	if (!step || step === app.step) return;
	app.select(step, { node: known });
	if (app.step === step) app.showSelection();
}

// A step every few milliseconds must not fill the history or trip the limit
// that browsers set on changes of the address.
const LINK_DELAY = 200;

function writeLink(app) {
	clearTimeout(app.linking);
	app.linking = setTimeout(() => {
		const link = new URLSearchParams();
		if (app.step) link.set("step", app.step);
		if (app.step && app.node >= 0) link.set("node", app.node);
		if (app.index) link.set("run", app.index);
		if (app.query) link.set("q", app.query);
		const hash = link.size ? `#${link}` : "";
		if (hash !== location.hash) history.replaceState(null, "", hash || location.pathname + location.search);
	}, LINK_DELAY);
}

/** fail shows one line and leaves the plain summary of the page in sight. */
function fail(error) {
	const line = `The picture cannot be shown: ${error?.message || error}`;
	let place = document.getElementById("failed");
	if (!place) {
		place = el("p", { id: "failed", role: "alert" });
		document.body.prepend(place);
	}
	place.textContent = line;
	const summary = document.getElementById("static");
	if (summary) summary.hidden = false;
}

/** start builds the page from its data. */
async function start() {
	const page = await unpack(document.getElementById("page").textContent);
	checkPage(page);
	const app = new App(page);
	document.getElementById("static")?.setAttribute("hidden", "");
	app.resized();
	app.opening();
	readLink(app);
	app.drawNow();
	addEventListener("hashchange", () => readLink(app));
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { app.theme = app.readTheme(); app.redraw(); });
	printInLight(app);
	return app;
}

// Paper is white.
function printInLight(app) {
	const root = document.documentElement;
	let before;
	addEventListener("beforeprint", () => { before = root.dataset.theme; root.dataset.theme = "light"; app.theme = app.readTheme(); app.drawNow(); });
	addEventListener("afterprint", () => {
		if (before) root.dataset.theme = before; else delete root.dataset.theme;
		app.theme = app.readTheme();
		app.redraw();
	});
}

if (typeof document !== "undefined") {
	// An error without an object is a notice of the browser, such as of a resize it puts off.
	let app = null;
	const broken = (error) => app ? app.note(`This did not work: ${error?.message || error}`) : fail(error);
	addEventListener("error", (event) => { if (event.error) broken(event.error); });
	addEventListener("unhandledrejection", (event) => broken(event.reason));
	const ready = start().then((started) => { app = started; });
	ready.catch(fail);
	// For tests in a browser: what is shown, and how long the frames took.
	window.dessim = Object.freeze({
		ready,
		run: () => app.run,
		select: (step) => app.select(step),
		get frames() { return app ? [...app.frames] : []; },
		state: () => {
			const { step, row, node, index, query, view, cone, hops } = app;
			return { step, row, node, run: index, query, axis: view.axis, from: view.from, to: view.to, cone, hops };
		},
	});
}
