"use strict";

// hit.js finds what is under the pointer.

const NEAR = 9;

/**
 * pick returns {step, row} of the mark, or of the message, nearest to a point;
 * null if nothing is near. A message is picked at the row that sent it.
 */
function pick(app, x, y) {
	const { view, trace, picture, lanes } = app;
	const [first, last] = view.visible();
	if (last < first || y < AXIS_HIGH) return null;
	if (y < picture.top - 8) return pickFault(app, x, y);
	if (picture.rowsVisible() > ARROWS_BELOW) return pickInStrip(app, x, y);
	let best = null, nearest = NEAR;
	for (let step = Math.max(1, view.stepAt(x - NEAR)); step <= last && view.x(step) <= x + NEAR; step++) {
		const distance = Math.hypot(view.x(step) - x, (picture.laneY(trace.stepNode[step]) - y) / Math.max(1, lanes.height[trace.stepNode[step]] / 20));
		if (distance < nearest) { nearest = distance; best = { step, row: -1 }; }
	}
	return best || pickMessage(app, x, y, trace.first[first], trace.first[last + 1]);
}

// pickFault finds a bar of the strip above the lanes; it leads to where the fault begins.
function pickFault(app, x, y) {
	const under = app.picture.bars.list.filter(({ row }) => row === Math.floor((y - AXIS_HIGH - 2) / FAULT_HIGH)).map(({ fault }) => fault);
	const fault = under.find((one) => app.trace.spansOf(one).some(([from, to]) => {
		const ends = app.picture.ends(from, to);
		return ends && x >= ends[0] - 4 && x <= ends[1] + 4;
	}));
	return fault ? { step: fault.from, row: -1, fault } : null;
}

function pickInStrip(app, x, y) {
	const { trace, view, lanes } = app, node = lanes.nodeAt(y), nearest = view.nearest(x);
	for (let away = 0; away < 5000; away++) {
		for (const step of [nearest - away, nearest + away]) {
			if (step > 0 && step <= trace.steps && trace.stepNode[step] === node && Math.abs(view.x(step) - x) < NEAR) return { step, row: -1 };
		}
	}
	return null;
}

function pickMessage(app, x, y, from, to) {
	const { trace, picture } = app, arrows = new Arrows(picture, null, null);
	let best = null, nearest = 5;
	for (let row = from; row < to; row++) {
		const arrival = trace.what[row] === CODE.received || trace.what[row] === CODE.dropped;
		const sent = arrival ? trace.origin[row] : isMessage(trace, row) && (trace.target[row] < 0 || trace.target[row] >= to) ? row : -1;
		if (sent < 0) continue;
		const { x1, y1, x2, y2 } = arrows.place(sent);
		if (x < Math.min(x1, x2) - 5 || x > Math.max(x1, x2) + 5) continue;
		const length = (x2 - x1) ** 2 + (y2 - y1) ** 2 || 1;
		const part = Math.max(0, Math.min(1, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length));
		const distance = Math.hypot(x1 + part * (x2 - x1) - x, y1 + part * (y2 - y1) - y);
		if (distance < nearest) { nearest = distance; best = { step: trace.step[sent], row: sent }; }
	}
	return best;
}

/** Pointer wires the canvas: drag pans, wheel and pinch zoom, a tap selects, hovering tells. */
class Pointer {
	constructor(app, canvas, tip) {
		this.app = app;
		this.canvas = canvas;
		this.tip = tip;
		this.down = new Map(); // pointers that touch the canvas
		this.moved = 0;
		canvas.addEventListener("pointerdown", (event) => this.press(event));
		canvas.addEventListener("pointermove", (event) => this.move(event));
		canvas.addEventListener("pointerup", (event) => this.release(event, true));
		canvas.addEventListener("pointercancel", (event) => this.release(event, false));
		canvas.addEventListener("pointerleave", () => this.hideTip());
		canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
		canvas.addEventListener("dblclick", (event) => { app.view.zoom(3, event.offsetX); app.redraw(); });
	}

	press(event) {
		this.canvas.setPointerCapture(event.pointerId);
		this.down.set(event.pointerId, [event.offsetX, event.offsetY]);
		if (this.down.size === 1) this.moved = 0;
		this.hideTip();
	}

	move(event) {
		const { app } = this, before = this.down.get(event.pointerId), at = [event.offsetX, event.offsetY];
		if (!before) { this.hover(event); return; }
		if (this.down.size === 2) {
			const [other] = [...this.down].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
			const was = Math.abs(before[0] - other[0]), is = Math.abs(at[0] - other[0]);
			if (was > 8 && is > 8) app.view.zoom(is / was, (at[0] + other[0]) / 2);
			this.moved = NEAR;
		} else {
			this.moved += Math.abs(at[0] - before[0]) + Math.abs(at[1] - before[1]);
			if (this.moved > 4) {
				app.view.pan(before[0] - at[0]);
				app.scrollLanes(before[1] - at[1]);
			}
		}
		this.down.set(event.pointerId, at);
		app.redraw();
	}

	release(event, tapped) {
		const single = this.down.size === 1;
		this.down.delete(event.pointerId);
		if (!tapped || !single || this.moved > 4) return;
		const hit = pick(this.app, event.offsetX, event.offsetY);
		if (hit) this.app.select(hit.step, { row: hit.row, still: true });
	}

	wheel(event) {
		event.preventDefault();
		if (event.altKey) { this.app.scrollLanes(event.deltaY); return; }
		const { view } = this.app, sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
		const pixels = event.deltaMode === 1 ? 16 : 1; // some mice turn by lines
		if (sideways || event.shiftKey) view.pan((sideways ? event.deltaX : event.deltaY) * pixels);
		else view.zoom(Math.exp(-event.deltaY * pixels * (event.ctrlKey ? 0.01 : 0.002)), event.offsetX);
		this.app.redraw();
	}

	hover(event) {
		if (event.pointerType === "touch") return;
		const { app } = this, hit = pick(app, event.offsetX, event.offsetY);
		this.canvas.classList.toggle("over", hit !== null);
		if (!hit) { this.hideTip(); return; }
		const row = hit.row >= 0 ? hit.row : app.trace.lead(hit.step);
		if (hit.fault) { this.showTip(event, el("b", {}, `from step ${count(hit.step)}, ${milliseconds(app.trace.time[hit.step])}`), el("div", {}, oneLine(hit.fault.text, 300))); return; }
		const head = hit.row >= 0 ? `node ${app.trace.node[row]} ${sentence(app.trace, row)}` : headline(app.trace, hit.step);
		const text = oneLine(textOf(app.trace, row), 600);
		this.showTip(event, el("b", {}, `step ${count(hit.step)}, ${milliseconds(app.trace.time[hit.step])}`), el("div", {}, head), hit.row >= 0 && text ? el("div", { class: "mono" }, text) : null);
	}

	showTip(event, ...content) {
		fill(this.tip, content);
		this.tip.hidden = false;
		const left = Math.min(event.offsetX + 14, this.app.picture.width - this.tip.offsetWidth - 6);
		this.tip.style.left = `${Math.max(0, left) + this.canvas.offsetLeft}px`;
		this.tip.style.top = `${event.offsetY + 16 + this.canvas.offsetTop}px`;
	}

	hideTip() { this.tip.hidden = true; }
}
