"use strict";

// gutter.js labels the lanes, beside the picture.

/** fillGutter labels every lane that is high enough, and the folded ones together. */
function fillGutter(app, gutter) {
	const { lanes } = app, labelled = lanes.labelled();
	fill(gutter, labelled.map((node) => laneLabel(app, node)), labelled !== lanes.thin && lanes.thin.length ? foldedLabel(app) : null);
}

function laneLabel(app, node) {
	const { trace, lanes } = app;
	const go = () => {
		const step = trace.lastStepOf(node, app.step || trace.steps);
		if (step) app.select(step, { node });
	};
	const label = el("div", { class: node === app.node ? "lane here" : "lane", data: { node } },
		button([el("b", {}, String(node)), " ", oneLine(trace.run.names[node] || "", 40)], go, { class: "plain", title: nodeLabel(trace, node) }),
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
	const words = lanes.open.length ? `${lanes.thin.length} folded` : `${lanes.thin.length} nodes`;
	const label = el("div", { class: "lane" }, button(words, () => app.showNodes(), { class: "link", title: `${count(steps)} steps; choose nodes (o)` }));
	label.style.top = `${lanes.thinTop - 4}px`;
	return label;
}
