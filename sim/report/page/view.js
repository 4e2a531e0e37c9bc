"use strict";

// view.js says where things are: View along the axis, Lanes across it.

/**
 * View is the window onto a run, along virtual time or along steps: bursts need
 * steps, timeouts need time.
 */
class View {
	constructor(trace, axis = "time") {
		this.trace = trace;
		this.axis = axis;
		this.width = 1;
		this.fit();
	}

	/** position returns where a step is on the axis. */
	position(step) { return this.axis === "time" ? this.trace.time[step] : step; }

	/** extent returns the ends of the axis, with a margin for the marks at both. */
	extent() {
		const end = this.axis === "time" ? Math.max(this.trace.end, 1) : this.trace.steps + 1;
		return [-end * 0.016, end * 1.016];
	}

	x(step) { return (this.position(step) - this.from) * this.scale; }

	/** xAt returns the place of a position on the axis, which need not be that of a step. */
	xAt(position) { return (position - this.from) * this.scale; }

	positionAt(x) { return this.from + x / this.scale; }

	get scale() { return this.width / (this.to - this.from); }

	/** stepAt returns the last step at or left of a place. */
	stepAt(x) {
		const position = this.positionAt(x);
		if (this.axis === "time") return this.trace.stepAt(position);
		return Math.max(0, Math.min(this.trace.steps, Math.floor(position)));
	}

	/** nearest returns the step nearest to a place. */
	nearest(x) {
		const left = this.stepAt(x), right = Math.min(this.trace.steps, left + 1);
		return left < 1 || Math.abs(this.x(right) - x) < Math.abs(this.x(left) - x) ? right : left;
	}

	/** visible returns the first and the last step within the window; the last is smaller if there is none. */
	visible() {
		let first = Math.max(1, this.stepAt(-1));
		while (first <= this.trace.steps && this.position(first) < this.from) first++;
		return [first, this.stepAt(this.width + 1)];
	}

	fit() { [this.from, this.to] = this.extent(); }

	isWhole() {
		const [from, to] = this.extent();
		return this.from <= from && this.to >= to;
	}

	/** setWindow moves the window, within the run and not below a smallest span. */
	setWindow(from, to) {
		const [low, high] = this.extent();
		const least = this.axis === "time" ? 1000 : 4;
		const span = Math.min(high - low, Math.max(least, to - from));
		const middle = (from + to) / 2;
		this.from = Math.min(Math.max(low, middle - span / 2), high - span);
		this.to = this.from + span;
	}

	zoom(factor, x = this.width / 2) {
		const at = this.positionAt(x), span = (this.to - this.from) / factor;
		this.setWindow(at - span * (x / this.width), at + span * (1 - x / this.width));
	}

	pan(pixels) {
		const shift = pixels / this.scale;
		this.setWindow(this.from + shift, this.to + shift);
	}

	/** reveal moves the window, if need be, so that a step is inside with room around it. */
	reveal(step) {
		const x = this.x(step), margin = Math.min(80, this.width / 6);
		if (x < margin) this.pan(x - this.width * 0.35);
		else if (x > this.width - margin) this.pan(x - this.width * 0.65);
	}

	/** showAround shows a step with some steps before and after it. */
	showAround(step, before, after) {
		const { steps } = this.trace;
		let from = this.position(Math.max(0, step - before)), to = this.position(Math.min(steps, step + after));
		if (to - from <= 0) [from, to] = [from - 1e6, to + 1e6];
		const room = (to - from) * 0.06;
		this.setWindow(from - room, to + room);
	}

	/** setAxis changes the axis and keeps the same steps in the window. */
	setAxis(axis) {
		if (axis === this.axis) return;
		const whole = this.isWhole();
		const [first, last] = this.visible();
		this.axis = axis;
		if (whole || last < first) { this.fit(); return; }
		const room = axis === "time" ? Math.max(1000, (this.position(last) - this.position(first)) * 0.02) : 1;
		this.setWindow(this.position(first) - room, this.position(last) + room);
	}
}

const LANE_LEAST = 19, LANE_MOST = 110, STRIP_MOST = 18, LABEL_LEAST = 10;

/**
 * Lanes gives every node its lane. When not all fit at a readable height, the
 * involved nodes are open and the others are folded: thin strips below. Or, if
 * the reader wants them all, they scroll.
 */
class Lanes {
	constructor(trace) {
		this.trace = trace;
		this.folded = new Set(); // by the reader
		this.all = false;
		this.scroll = this.hidden = 0; // pixels above the window, and how many there can be
		this.y = new Float32Array(trace.nodes);
		this.height = new Float32Array(trace.nodes);
		this.open = [];
		this.thin = [];
	}

	/**
	 * layout places the lanes between top and bottom. involved lists nodes, the
	 * most important first, to open when not all can be.
	 */
	layout(top, bottom, involved) {
		const room = bottom - top, nodes = Array.from({ length: this.trace.nodes }, (_, node) => node);
		const wanted = nodes.filter((node) => !this.folded.has(node));
		let open = wanted;
		if (wanted.length * LANE_LEAST > room && !this.all) {
			const most = Math.floor(room * 0.72 / LANE_LEAST);
			const chosen = new Set(involved.filter((node) => !this.folded.has(node)).slice(0, most));
			open = wanted.filter((node) => chosen.has(node));
		}
		const isOpen = new Set(open);
		this.open = open;
		this.thin = nodes.filter((node) => !isOpen.has(node));
		const thinRoom = open.length === 0 ? room : Math.min(this.thin.length * 6, room * 0.26);
		const gap = this.thin.length > 0 && open.length > 0 ? 8 : 0;
		const lane = open.length ? Math.min(LANE_MOST, Math.max(this.all ? LANE_LEAST : 0, (room - gap - thinRoom) / open.length)) : 0;
		const strip = this.thin.length ? Math.min(open.length ? 6 : STRIP_MOST, Math.max(this.all ? 1 : 0, (room - gap - open.length * lane) / this.thin.length)) : 0;
		this.hidden = this.all ? Math.max(0, open.length * lane + gap + this.thin.length * strip - room) : 0;
		this.scroll = Math.min(this.scroll, this.hidden);
		this.top = top;
		this.end = bottom;
		const first = top - this.scroll;
		open.forEach((node, i) => { this.y[node] = first + (i + 0.5) * lane; this.height[node] = lane; });
		this.thinTop = first + open.length * lane + gap;
		this.thin.forEach((node, i) => { this.y[node] = this.thinTop + (i + 0.5) * strip; this.height[node] = strip; });
		this.bottom = this.thin.length ? this.thinTop + this.thin.length * strip : first + open.length * lane;
	}

	/** scrollBy moves lanes that do not fit. It returns whether anything moved. */
	scrollBy(pixels) {
		const before = this.scroll;
		this.scroll = Math.max(0, Math.min(this.hidden, before + pixels));
		return this.scroll !== before;
	}

	/** reveal scrolls so that the lane of a node is in the window. */
	reveal(node) {
		if (!this.hidden || !(this.height[node] > 0)) return false;
		const above = this.top + this.height[node] - this.y[node], below = this.y[node] + this.height[node] - this.end;
		return above > 0 ? this.scrollBy(-above) : below > 0 && this.scrollBy(below);
	}

	/** inWindow reports whether a height is not scrolled away. */
	inWindow(y) { return !this.hidden || (y >= this.top - 4 && y <= this.end + 4); }

	/** labelled returns the nodes whose lane is high enough for a label. */
	labelled() { return this.open.length || !this.thin.length || this.height[this.thin[0]] < LABEL_LEAST ? this.open : this.thin; }

	isOpen(node) { return this.height[node] >= LANE_LEAST - 1 || this.open.includes(node); }

	/** nodeAt returns the node whose lane is nearest to a height. */
	nodeAt(y) {
		let best = -1, distance = Infinity;
		for (let node = 0; node < this.y.length; node++) {
			const away = Math.abs(this.y[node] - y);
			if (away < distance) { best = node; distance = away; }
		}
		return best;
	}
}

/** ticks returns round positions of an axis between two ends, about so many. */
function ticks(from, to, most, whole) {
	if (!(to > from)) return { step: 1e6, list: [from] }; // a run without time has one tick, of 0 ms
	const rough = (to - from) / Math.max(1, most);
	const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
	let step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
	if (whole) step = Math.max(1, step);
	const list = [];
	for (let i = Math.ceil(from / step); i * step <= to; i++) list.push(i * step);
	return { step, list };
}

/** tickLabel writes a position of the time axis in the unit that suits the distance between ticks. */
function tickLabel(ns, step) {
	const [unit, size] = step >= 1e8 ? ["s", 1e9] : step >= 1e3 ? ["ms", 1e6] : ["µs", 1e3];
	const digits = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
	return `${(ns / size).toFixed(Math.min(digits, 9))} ${unit}`;
}
