"use strict";

// splitter.js shares the height between the picture and what is below it.

const LEAST_STAGE = 160, LEAST_BELOW = 120, SPLIT_STEP = 24;
const LANE_COMFORT = 58; // pixels that a lane needs to be read well
const STAGE_PART = [0.46, 0.58]; // of the height, as long as the reader does not say

/** buildSplitter returns the bar between picture and panel: drag it, or move it by arrow keys. */
function buildSplitter(app) {
	const splitter = el("div", { id: "splitter", role: "separator", tabindex: "0", "aria-orientation": "horizontal", "aria-label": "Height of the picture" });
	let start = null;
	splitter.addEventListener("pointerdown", (event) => { splitter.setPointerCapture(event.pointerId); start = [event.clientY, stageOf(app).offsetHeight]; });
	splitter.addEventListener("pointermove", (event) => { if (start) setStage(app, start[1] + event.clientY - start[0]); });
	for (const end of ["pointerup", "pointercancel"]) splitter.addEventListener(end, () => { start = null; });
	splitter.addEventListener("dblclick", () => { app.split = 0; fitStage(app); });
	splitter.addEventListener("keydown", (event) => {
		const by = { ArrowUp: -SPLIT_STEP, ArrowDown: SPLIT_STEP }[event.key];
		if (!by) return;
		event.preventDefault();
		event.stopPropagation();
		setStage(app, stageOf(app).offsetHeight + by);
	});
	return splitter;
}

function stageOf(app) { return app.parts.stage.hidden ? app.parts.table : app.parts.stage; }

function setStage(app, height) {
	app.split = height;
	fitStage(app);
}

/** fitStage gives the picture the height that the reader chose, or what its lanes need, within bounds. */
function fitStage(app) {
	const { stage, table, splitter } = app.parts, left = stage.parentElement.clientHeight;
	const [least, most] = STAGE_PART.map((part) => part * left);
	const needed = Math.min(most, Math.max(least, app.picture.top + app.trace.nodes * LANE_COMFORT));
	const height = Math.round(Math.max(LEAST_STAGE, Math.min(left - LEAST_BELOW, app.split || needed)));
	stage.style.flex = table.style.flex = `0 0 ${height}px`;
	splitter.setAttribute("aria-valuenow", String(Math.round(height / left * 100)));
}
