"use strict";

// gutter.js labels the lanes, beside the picture.

const SCALE = 14; // pixels between the numbers of strips

/** fillGutter labels every lane that is high enough, and numbers some of the others. */
function fillGutter(app, gutter) {
	const { lanes } = app, labelled = lanes.labelled().filter((node) => lanes.inWindow(lanes.y[node]));
	const strips = lanes.labelled() === lanes.thin ? [] : lanes.thin;
	fill(gutter, labelled.map((node) => laneLabel(app, node)), strips.length ? [foldedLabel(app), scaleOf(app, strips)] : null);
}

// scaleOf numbers every second, fifth, tenth or so of the strips, and the selected one.
function scaleOf(app, strips) {
	const { lanes } = app, high = lanes.height[strips[0]] || 1;
	const every = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((size) => size * high >= SCALE) || 1000;
	let next = lanes.y[strips[0]] + SCALE / 2; // below the word that says how many there are
	const here = strips.includes(app.node) ? lanes.y[app.node] : -SCALE;
	return strips.map((node) => {
		const y = lanes.y[node], chosen = node === app.node;
		if (!chosen && (node % every !== 0 || y < next || Math.abs(y - here) < SCALE)) return null;
		next = y + SCALE;
		const label = el("span", { class: chosen ? "scale here" : "scale", data: { node } }, String(node));
		label.style.top = `${y - 6}px`;
		return label;
	});
}

function laneLabel(app, node) {
	const { trace, lanes } = app;
	const go = () => {
		const step = trace.lastStepOf(node, app.step || trace.steps);
		if (step) app.select(step, { node });
	};
	const label = el("div", { class: node === app.node ? "lane here" : "lane", data: { node } },
		button([app.breaking.has(node) ? el("span", { class: "broke", title: "breaks a check" }, "✕ ") : null, el("b", {}, String(node)), el("span", { class: "nodename" }, " ", oneLine(trace.run.names[node] || "", 40))], go, { class: "plain", title: nodeLabel(trace, node) }),
		button("×", () => app.fold(node), { class: "plain fold", "aria-label": `fold node ${node}`, title: "Fold this lane (z)" }));
	const high = Math.min(18, lanes.height[node]);
	label.classList.toggle("low", high < 18);
	label.style.top = `${lanes.y[node] - high / 2}px`;
	label.style.height = label.style.lineHeight = `${high}px`;
	return label;
}

function foldedLabel(app) {
	const { lanes, trace } = app;
	const steps = lanes.thin.reduce((sum, node) => sum + trace.stepsOf[node], 0);
	const words = [count(lanes.thin.length), el("span", { class: "nodename" }, lanes.open.length ? " folded" : " nodes")];
	const label = el("div", { class: "lane" }, button(words, () => app.showNodes(), { class: "link", title: `${count(steps)} steps; choose nodes (o)` }));
	label.style.top = `${lanes.thinTop - 4}px`;
	return label;
}
