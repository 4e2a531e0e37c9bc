"use strict";

// faults.js draws the misfortunes of a run: a strip of bars above the lanes, and
// partitions as bands over the lanes of their sides.

const FAULT_HIGH = 14, FAULT_ROWS = 4;
// These part their sides altogether; others only spoil what is between them.
const PARTING = new Set(["partition", "cut", "ring", "flap"]);
const BAND_RULED = 12; // pixels below which a band is only shaded

// These show on the lane of their node.
const ON_LANE = new Set(["crash", "restart", "pause"]);

/** packFaults gives each fault that is no node's own a row of the strip, so that few bars share one. */
function packFaults(trace) {
	const list = [], ends = [], last = [];
	const faults = trace.faults.filter((fault) => fault.node < 0 || !ON_LANE.has(fault.op));
	for (const fault of [...faults].sort((a, b) => a.from - b.from)) {
		const until = (fault.to || trace.steps + 1) + trace.steps * 0.05; // room for a label
		let row = ends.findIndex((end) => end <= fault.from);
		if (row < 0) row = ends.length < FAULT_ROWS ? ends.length : ends.indexOf(Math.min(...ends));
		ends[row] = Math.max(ends[row] || 0, until);
		if (last[row]) last[row].next = fault.from;
		list.push(last[row] = { fault, row, next: 0 }); // next: where the bar after it in its row begins
	}
	return { list, rows: ends.length };
}

/** drawFaults draws the strip. A fault that comes and goes is a bar for each time, with one label. */
function drawFaults(picture) {
	const { context, theme, app } = picture;
	context.font = theme.small;
	context.textBaseline = "middle";
	const taken = new Float32Array(picture.bars.rows).fill(-1);
	for (const { fault, row, next } of picture.bars.list) {
		const whole = picture.ends(fault.from, fault.to);
		if (!whole) continue;
		const [left, right] = whole, y = AXIS_HIGH + 5 + row * FAULT_HIGH;
		context.globalAlpha = 0.9;
		context.fillStyle = theme.fault;
		for (const [from, to] of app.trace.spansOf(fault)) {
			const ends = picture.ends(from, to);
			if (!ends) continue;
			context.fillRect(ends[0], y, Math.max(2, ends[1] - ends[0]), 2.5);
			context.fillRect(ends[0], y, 1.5, 8);
		}
		context.globalAlpha = 1;
		const text = oneLine(fault.text, 60), x = Math.max(left, 0) + 5;
		const wide = context.measureText(text).width;
		const crowded = next > 0 && app.view.x(next) < x + wide;
		if (x < taken[row] || (wide > right - x && crowded) || x + wide > picture.width) continue;
		context.fillStyle = theme.soft;
		context.fillText(text, x, y + 8.5);
		taken[row] = x + wide + 8;
	}
}

/**
 * drawBands shades the time of a partition over the lanes of its sides: a
 * single rule at its ends for the first side, a double one for the second.
 */
function drawBands(picture) {
	for (const fault of picture.app.trace.faults) {
		if (!PARTING.has(fault.op)) continue;
		for (const [from, to] of picture.app.trace.spansOf(fault)) {
			const ends = picture.ends(from, to);
			if (ends) fault.sides.forEach((nodes, side) => nodes.forEach((node) => drawBand(picture, node, fault.sides.length > 1 ? side : -1, ends)));
		}
	}
}

// drawBand shades one lane; side -1: there is only one, which needs no name.
function drawBand(picture, node, side, [left, right]) {
	const { context, theme } = picture, { lanes } = picture.app, high = lanes.height[node];
	if (!(high > 0)) return;
	const wide = Math.max(1, right - left), top = lanes.y[node] - high / 2, inset = high > 8 ? 1 : 0;
	context.fillStyle = theme.band;
	context.globalAlpha = side <= 0 ? 1 : 0.45;
	context.fillRect(left, top + inset, wide, high - 2 * inset);
	context.fillStyle = theme.fault;
	context.globalAlpha = 0.8;
	for (let rule = 0; rule <= Math.max(0, Math.min(side, 3)) && wide > BAND_RULED; rule++) {
		context.fillRect(left + rule * 3.5, top + inset, 1.5, high - 2 * inset);
		if (wide > 30) context.fillRect(right - rule * 3.5 - 1.5, top + inset, 1.5, high - 2 * inset);
	}
	if (side >= 0 && high > 16 && wide > 46) {
		context.font = theme.small;
		context.textBaseline = "middle";
		context.fillText("ABCDEFGH"[side] || "…", Math.max(left, 0) + 8 + side * 3.5, top + high - 9);
	}
	context.globalAlpha = 1;
}
