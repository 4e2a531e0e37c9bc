"use strict";

// picture.js draws the space-time picture: axis, faults, lanes, and on them,
// by how much is visible, density strips, arrows, or arrows with labels.

const ARROWS_BELOW = 8000; // visible rows above which there are strips
const LABELS_BELOW = 300; // and above which there are no labels, unless what is highlighted is so few
const LABELLED = 120;
const CROWDED = 1.2; // rows a pixel above which marks are small and pale
const STRONG_STEPS = 3000; // highlighted steps that are drawn over strips
const AXIS_HIGH = 22;

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
		drawBands(this);
		this.drawLanes();
		this.drawEras(); // before the events, so that its labels come first
		this.drawEvents();
		this.coverScrolled();
		this.drawAxis();
		drawFaults(this);
		this.drawEnd();
		this.drawCursor();
		for (const step of app.violations) this.keepClear(step);
		this.labels.draw(context, theme, this.width);
		for (const step of app.violations) this.drawViolation(step);
	}

	// coverScrolled hides the lanes that are scrolled away behind the axis and the faults.
	coverScrolled() {
		const { lanes } = this.app;
		if (!lanes.hidden) return;
		this.context.fillStyle = this.theme.paper;
		this.context.fillRect(0, 0, this.width, lanes.top - 5);
		this.context.fillRect(0, lanes.end + 5, this.width, this.height);
		this.labels.block(0, 0, this.width, lanes.top - 5);
		this.context.fillStyle = this.theme.faint; // where in all lanes the window is
		const room = lanes.end - lanes.top, part = room / (room + lanes.hidden);
		this.context.fillRect(this.width - 5, lanes.top + lanes.scroll * part, 4, room * part);
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
		const ink = new Ink(crowded, rows), arrows = new Arrows(this, ink, this.labels), marks = new Marks(this, ink, this.labels, crowded);
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
			context.globalAlpha = tall < 12 ? 0.4 : 1; // many thin lanes would shout
			context.fillStyle = this.pattern;
			context.fillRect(left, y - tall / 2, Math.max(1, right - left), tall);
			context.globalAlpha = 1;
		}
		const x = Math.max(left, 0);
		if (tall > 9 && right - x > 70) this.labels.add(word, (x + Math.min(right, this.width)) / 2, y, PLAIN, "soft", { align: "center" });
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
		if (!app.lanes.inWindow(y)) return;
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

	// drawEnd marks the end of the axis if the end of the run broke a check.
	drawEnd() {
		const { context, theme, app } = this, x = app.view.xAt(app.view.axis === "time" ? app.trace.end : app.trace.steps);
		if (!app.atEnd.length || x < 0 || x > this.width + 4) return;
		const path = new Path2D();
		cross(path, Math.min(x, this.width - 7), AXIS_HIGH / 2, 4.5);
		context.strokeStyle = theme.bad;
		context.lineWidth = 2.2;
		context.stroke(path);
		context.fillStyle = theme.bad;
		context.globalAlpha = 0.5;
		context.fillRect(Math.round(x), AXIS_HIGH, 1, this.height - AXIS_HIGH);
		context.globalAlpha = 1;
	}

	keepClear(step) {
		const x = this.app.view.x(step), y = this.laneY(this.app.trace.stepNode[step]);
		this.labels.block(x - 12, y - 25, x + 12, y + 12);
	}

	drawViolation(step) {
		const { context, theme, app } = this;
		const x = app.view.x(step), y = this.laneY(app.trace.stepNode[step]);
		if (x < -12 || x > this.width + 12 || !app.lanes.inWindow(y)) return;
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
