"use strict";

// picture.js draws the space-time picture: axis, faults, lanes, and on them,
// by how much is visible, density strips, arrows, or arrows with labels.

const ARROWS_BELOW = 8000; // visible rows above which there are strips
const LABELS_BELOW = 300; // and above which there are no labels, unless what is highlighted is so few
const LABELLED = 120;
const CROWDED = 1.2; // rows a pixel above which marks are small and pale
const STRONG_STEPS = 3000; // highlighted steps that are drawn over strips
const AXIS_HIGH = 22, FAULT_HIGH = 14, FAULT_ROWS = 4;

// These show on the lane of their node.
const ON_LANE = new Set(["crash", "restart", "pause"]);

class Picture {
	constructor(app, canvas) {
		this.app = app;
		this.canvas = canvas;
		this.context = canvas.getContext("2d");
		this.density = new Density();
		this.width = this.height = 0;
		this.bad = null;
	}

	/** setRun derives what stays the same while a run is shown. */
	setRun(trace) {
		this.bars = packFaults(trace);
		this.top = AXIS_HIGH + this.bars.rows * FAULT_HIGH + 10;
		this.lives = findLives(trace);
		this.eras = findEras(trace);
		this.eraRows = new Set(this.eras.flatMap((era) => era.row));
		this.delays = new Map();
	}

	isEra(row) { return this.eraRows.has(row); }

	/** laneY returns the height of a lane; what is outside all nodes comes from above them. */
	laneY(node) { return node >= 0 && node < this.app.lanes.y.length ? this.app.lanes.y[node] : this.app.lanes.top - 6; }

	/** usualDelay returns the median length of a message on the axis, from a sample. */
	usualDelay() {
		const { trace, view } = this.app;
		if (!this.delays.has(view.axis)) {
			const sample = [], stride = Math.max(1, Math.floor(trace.rows / 5000));
			for (let row = 0; row < trace.rows; row += stride) {
				if (isMessage(trace, row) && trace.target[row] >= 0) sample.push(view.position(trace.step[trace.target[row]]) - view.position(trace.step[row]));
			}
			sample.sort((a, b) => a - b);
			this.delays.set(view.axis, sample[sample.length >> 1] || 0);
		}
		return this.delays.get(view.axis);
	}

	resize() {
		const ratio = devicePixelRatio || 1;
		this.width = this.canvas.clientWidth;
		this.height = this.canvas.clientHeight;
		this.canvas.width = Math.round(this.width * ratio);
		this.canvas.height = Math.round(this.height * ratio);
		this.app.view.width = Math.max(1, this.width);
	}

	get theme() { return this.app.theme; }

	draw() {
		const { context, theme, app } = this, ratio = devicePixelRatio || 1;
		if (this.width === 0) return;
		context.setTransform(ratio, 0, 0, ratio, 0, 0);
		context.fillStyle = theme.paper;
		context.fillRect(0, 0, this.width, this.height);
		this.labels = new Labels();
		this.drawBands();
		this.drawLanes();
		this.drawEras(); // before the events, so that its labels come first
		this.drawEvents();
		this.drawAxis();
		this.drawFaults();
		this.drawCursor();
		for (const step of app.violations) this.keepClear(step);
		this.labels.draw(context, theme, this.width);
		for (const step of app.violations) this.drawViolation(step);
	}

	/** isUp reports whether a node is up after a step. */
	isUp(node, step) {
		const life = this.lives[node].find((one) => !one.paused && one.from <= step && (!one.to || step < one.to));
		return life !== undefined && life.up;
	}

	/** rowsVisible returns how many rows are in the window. */
	rowsVisible() {
		const [first, last] = this.app.view.visible();
		return last < first ? 0 : this.app.trace.first[last + 1] - this.app.trace.first[first];
	}

	drawEvents() {
		const { app, context } = this, { trace, view } = app;
		const [first, last] = view.visible();
		const rows = this.rowsVisible(), crowded = rows > this.width * CROWDED;
		const ink = new Ink(crowded), arrows = new Arrows(this, ink, this.labels), marks = new Marks(this, ink, this.labels, crowded);
		context.save();
		context.beginPath();
		context.rect(0, AXIS_HIGH, this.width, this.height - AXIS_HIGH);
		context.clip();
		if (last >= first) {
			const from = trace.first[first], to = trace.first[last + 1];
			const dense = rows > ARROWS_BELOW, detailed = rows <= LABELS_BELOW || (app.highlight !== null && app.highlight.steps.length <= LABELLED);
			if (dense) this.density.draw(this, context, this.width);
			if (!dense) {
				arrows.draw(from, to, detailed);
				marks.draw(first, last, detailed);
			} else if (app.highlight && app.highlight.steps.length <= STRONG_STEPS) {
				for (const step of app.highlight.steps) {
					if (step < first || step > last) continue;
					arrows.drawStrong(step);
					marks.draw(step, step, detailed);
				}
			}
		}
		ink.flush(context, this.theme);
		context.restore();
	}

	drawAxis() {
		const { context, theme, app } = this, { view, trace } = app;
		context.font = theme.small;
		context.textBaseline = "middle";
		context.textAlign = "left";
		const time = view.axis === "time";
		const { step, list } = ticks(Math.max(0, view.from), Math.min(view.to, time ? trace.end : trace.steps), this.width / 110, !time);
		for (const position of list) {
			const x = Math.round(view.xAt(position)) + 0.5;
			context.strokeStyle = theme.line;
			context.lineWidth = 1;
			context.beginPath();
			context.moveTo(x, AXIS_HIGH - 6);
			context.lineTo(x, AXIS_HIGH);
			context.stroke();
			context.fillStyle = theme.soft;
			const label = time ? tickLabel(position, step) : `step ${count(position)}`;
			if (x + context.measureText(label).width + 4 < this.width) context.fillText(label, x + 4, AXIS_HIGH / 2);
		}
		context.fillStyle = theme.line;
		context.fillRect(0, AXIS_HIGH, this.width, 1);
	}

	/** ends returns where a span of steps starts and ends in the window, null if it is outside. */
	ends(from, to) {
		const { view } = this.app;
		const left = Math.max(-4, view.x(from)), right = Math.min(this.width + 4, to ? view.x(to) : view.xAt(view.extent()[1]));
		return right < 0 || left > this.width || right < left ? null : [left, right];
	}

	drawFaults() {
		const { context, theme, app } = this;
		context.font = theme.small;
		context.textBaseline = "middle";
		const taken = new Float32Array(this.bars.rows).fill(-1);
		for (const { fault, row, next } of this.bars.list) {
			const ends = this.ends(fault.from, fault.to);
			if (!ends) continue;
			const [left, right] = ends, y = AXIS_HIGH + 5 + row * FAULT_HIGH;
			context.globalAlpha = 0.9;
			context.fillStyle = theme.fault;
			context.fillRect(left, y, Math.max(2, right - left), 2.5);
			context.fillRect(left, y, 1.5, 8);
			context.globalAlpha = 1;
			const text = oneLine(fault.text, 60), x = Math.max(left, 0) + 5;
			const wide = context.measureText(text).width;
			const crowded = next > 0 && app.view.x(next) < x + wide;
			if (x < taken[row] || (wide > right - x && crowded)) continue;
			if (x + wide > this.width) continue;
			context.fillStyle = theme.soft;
			context.fillText(text, x, y + 8.5);
			taken[row] = x + wide + 8;
		}
	}

	// drawBands shades the time of a partition over the lanes of both sides: a
	// single rule at its ends for the first side, a double one for the second.
	drawBands() {
		const { context, theme, app } = this, { lanes } = app;
		for (const fault of app.trace.faults) {
			if (fault.sides.length === 0) continue;
			const ends = this.ends(fault.from, fault.to);
			if (!ends) continue;
			const [left, right] = ends, wide = Math.max(1, right - left);
			fault.sides.forEach((nodes, side) => {
				for (const node of nodes) {
					if (!(lanes.height[node] > 0)) continue;
					const high = lanes.height[node], top = lanes.y[node] - high / 2, inset = high > 8 ? 1 : 0;
					context.fillStyle = theme.band;
					context.globalAlpha = side === 0 ? 1 : 0.45;
					context.fillRect(left, top + inset, wide, high - 2 * inset);
					context.fillStyle = theme.fault;
					context.globalAlpha = 0.8;
					for (let rule = 0; rule <= Math.min(side, 3); rule++) {
						context.fillRect(left + rule * 3.5, top + inset, 1.5, high - 2 * inset);
						if (wide > 30) context.fillRect(right - rule * 3.5 - 1.5, top + inset, 1.5, high - 2 * inset);
					}
					if (high > 16 && wide > 46) {
						context.font = theme.small;
						context.textBaseline = "middle";
						context.fillText("ABCDEFGH"[side] || "…", Math.max(left, 0) + 8 + side * 3.5, top + high - 9);
					}
					context.globalAlpha = 1;
				}
			});
		}
	}

	drawLanes() {
		const { context, theme, app } = this, { lanes, trace } = app;
		for (let node = 0; node < trace.nodes; node++) {
			const y = Math.round(lanes.y[node]) + 0.5, high = lanes.height[node];
			if (node === app.node && high > 3) {
				context.fillStyle = theme.accent;
				context.globalAlpha = 0.06;
				context.fillRect(0, lanes.y[node] - high / 2, this.width, high);
				context.globalAlpha = 1;
			}
			for (const life of this.lives[node]) {
				const ends = this.ends(life.from, life.to);
				if (!ends) continue;
				const [left, right] = ends;
				if (life.up) {
					if (high < 8) continue;
					context.fillStyle = theme.line;
					context.fillRect(left, y, right - left, 1);
				} else this.hatch(left, right, lanes.y[node], high, life.paused ? "paused" : "crashed", theme);
			}
		}
		if (lanes.thin.length && lanes.open.length) {
			context.fillStyle = theme.line;
			context.fillRect(0, lanes.thinTop - 5, this.width, 1);
		}
	}

	hatch(left, right, y, high, word, theme) {
		const { context } = this;
		const tall = high > 8 ? Math.min(22, high * 0.6) : high;
		if (this.hatchOf !== theme) { this.pattern = makeHatch(context, theme); this.hatchOf = theme; }
		context.globalAlpha = 0.14;
		context.fillStyle = word === "paused" ? theme.soft : theme.bad;
		context.fillRect(left, y - tall / 2, Math.max(1, right - left), tall);
		context.globalAlpha = 1;
		if (word !== "paused") {
			context.fillStyle = this.pattern;
			context.fillRect(left, y - tall / 2, Math.max(1, right - left), tall);
		}
		const x = Math.max(left, 0);
		if (tall > 9 && right - x > 70) this.labels.add(word, (x + Math.min(right, this.width)) / 2, y, PLAIN, "soft", "center");
	}

	// drawEras writes along the lane what its node is: a mark where that
	// changes, and the text behind it; what it already is, at the left edge.
	drawEras() {
		const { app, labels } = this, { view, lanes, trace } = app;
		const path = new Path2D();
		for (const node of lanes.open) {
			const era = this.eras[node], high = lanes.height[node];
			if (high < 24 || era.step.length === 0) continue;
			const first = view.stepAt(0), y = lanes.y[node] - high / 2 + 7;
			let k = Math.max(0, lastAtMost(era.step, first)), lastX = -100;
			for (; k < era.step.length; k++) {
				const x = view.x(era.step[k]);
				if (x > this.width) break;
				if (x >= 0) { path.rect(x - 0.75, y - 5, 1.5, high * 0.5); }
				if (x - lastX < 12 && x > 0) continue;
				lastX = x;
				labels.add(oneLine(textOf(trace, era.row[k]), 32), Math.max(4, x + 5), y, PLAIN, "accent");
			}
		}
		this.context.globalAlpha = 0.6;
		this.context.fillStyle = this.theme.accent;
		this.context.fill(path);
		this.context.globalAlpha = 1;
	}

	drawCursor() {
		const { context, theme, app } = this;
		if (!app.step) return;
		const x = app.view.x(app.step), y = this.laneY(app.trace.stepNode[app.step]);
		context.fillStyle = theme.accent;
		context.globalAlpha = 0.55;
		context.fillRect(Math.round(x), AXIS_HIGH, 1, this.height - AXIS_HIGH);
		context.globalAlpha = 1;
		context.strokeStyle = theme.accent;
		context.lineWidth = 2;
		context.beginPath();
		context.arc(x, y, 7, 0, 2 * Math.PI);
		context.stroke();
		this.drawChosenMessage();
	}

	drawChosenMessage() {
		const { app } = this, { trace } = app;
		if (app.row < 0) return;
		const sent = isMessage(trace, app.row) ? app.row : trace.what[app.row] === CODE.received || trace.what[app.row] === CODE.dropped ? trace.origin[app.row] : -1;
		if (sent < 0) return;
		const arrows = new Arrows(this, new Ink(), this.labels), { x1, y1, x2, y2 } = arrows.place(sent), path = new Path2D();
		if (y1 === y2) arrows.loop(path, x1, x2, y1); else arrows.line(path, x1, y1, x2, y2);
		this.context.lineWidth = 2.5;
		this.context.strokeStyle = this.theme.accent;
		this.context.stroke(path);
	}

	keepClear(step) {
		const x = this.app.view.x(step), y = this.laneY(this.app.trace.stepNode[step]);
		this.labels.block(x - 12, y - 25, x + 12, y + 12);
	}

	drawViolation(step) {
		const { context, theme, app } = this;
		const x = app.view.x(step), y = this.laneY(app.trace.stepNode[step]);
		if (x < -12 || x > this.width + 12) return;
		const path = new Path2D();
		circle(path, x, y, 11);
		cross(path, x, y - 19, 4.5);
		context.strokeStyle = theme.paper;
		context.lineWidth = 5;
		context.stroke(path);
		context.strokeStyle = theme.bad;
		context.lineWidth = 2.2;
		context.stroke(path);
	}
}

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

/** findLives returns, for each node, the spans of steps in which it is up, down or paused. */
function findLives(trace) {
	const lives = Array.from({ length: trace.nodes }, () => []);
	for (let row = 0; row < trace.rows; row++) {
		const what = trace.what[row];
		if (what !== CODE.started && what !== CODE.crashed) continue;
		const spans = lives[trace.node[row]], step = trace.step[row];
		if (!spans) continue;
		const last = spans[spans.length - 1];
		if (last && !last.to) last.to = step;
		spans.push({ from: step, to: 0, up: what === CODE.started });
	}
	for (const fault of trace.faults) {
		if (fault.op === "pause" && lives[fault.node]) lives[fault.node].push({ from: fault.from, to: fault.to, up: false, paused: true });
	}
	return lives;
}

function makeHatch(context, theme) {
	const tile = document.createElement("canvas");
	tile.width = tile.height = 7;
	const pen = tile.getContext("2d");
	pen.strokeStyle = theme.bad;
	pen.globalAlpha = 0.55;
	pen.beginPath();
	for (const shift of [-7, 0, 7]) { pen.moveTo(shift, 7); pen.lineTo(shift + 7, 0); }
	pen.stroke();
	return context.createPattern(tile, "repeat");
}
