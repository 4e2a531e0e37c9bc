"use strict";

// marks.js draws what happens at a node: a mark on its lane says what triggered
// a step; above it stands what the step made known, below it what it did with
// its disk and timers.

class Marks {
	constructor(picture, ink, labels, crowded) {
		this.crowded = crowded;
		this.picture = picture;
		this.ink = ink;
		this.labels = labels;
	}

	draw(firstStep, lastStep, detailed) {
		const { trace, view, highlight } = this.picture.app;
		let rightmost = -1, lastNode = -1;
		for (let step = firstStep; step <= lastStep; step++) {
			const lead = trace.lead(step);
			if (lead < 0) continue;
			const x = view.x(step), node = trace.node[lead];
			const strong = highlight ? highlight.step(step) : false;
			// Marks that would fall on the one before show nothing more.
			if (!strong && node === lastNode && x - rightmost < 0.5) continue;
			rightmost = x; lastNode = node;
			this.step(step, lead, x, highlight ? (strong ? STRONG : DIM) : PLAIN, detailed);
		}
	}

	step(step, lead, x, level, detailed) {
		const { trace, lanes } = this.picture.app, node = trace.node[lead];
		const y = this.picture.laneY(node), high = node >= 0 ? lanes.height[node] : 20;
		if (high < 12) {
			this.ink.path("event", level).rect(x - 0.75, y - high * 0.4, 1.5, Math.max(1.5, high * 0.8));
			return;
		}
		const size = Math.min(3.6, high * 0.13) * (level === STRONG ? 1.15 : this.crowded ? 0.6 : 1);
		const bare = this.crowded && level !== STRONG;
		this.lead(lead, x, y, size, level);
		if (level === STRONG) this.keepClear(step, x, y);
		const above = y - Math.min(11, high * 0.3), below = y + Math.min(10, high * 0.28);
		let outputs = 0, first = -1;
		for (let row = trace.first[step]; row < trace.first[step + 1]; row++) {
			switch (trace.what[row]) {
			case CODE.output: if (outputs++ === 0) { first = row; diamond(this.ink.path("output", level), x, above, size + 1); } break;
			case CODE.noted: if (!bare && !this.picture.isEra(row)) circle(this.ink.path("note", level), x, above, size * 0.7); if (first < 0) first = row; break;
			case CODE.persisted: if (!bare) this.square("unsynced", level, x - size * 0.9, below, size * 0.8); break;
			case CODE.synced: if (!bare) this.square("synced", level, x + size * 0.9, below, size * 0.8); break;
			case CODE.damaged: cross(this.ink.path("cross", level), x, below, size); break;
			case CODE.timerSet: if (detailed) this.bar("timer", level, x + 2, below - 2, 4); break;
			}
		}
		if (detailed && first >= 0 && level !== DIM) this.label(first, outputs, x, above, level);
	}

	// keepClear keeps labels off a strong mark, and numbers it as the story does.
	keepClear(step, x, y) {
		this.labels.block(x - 4, y - 4, x + 4, y + 4);
		const line = this.picture.app.highlight.story?.get(step)?.line;
		if (line) this.labels.add(String(line), x, y + 17, STRONG, "accent", { align: "center", rank: -1, places: [[x, y + 17], [x, y + 22]] });
	}

	lead(row, x, y, size, level) {
		const { trace } = this.picture.app;
		switch (trace.what[row]) {
		case CODE.started: triangle(this.ink.path("event", level), x, y, size * 1.5); break;
		case CODE.fired: this.bar("timer", level, x, y - size * 1.8, size * 3.6); break;
		case CODE.crashed: case CODE.dropped: cross(this.ink.path("cross", level), x, y, size * 1.2); break;
		case CODE.injected: case CODE.lifted: diamond(this.ink.path("fault", level), x, y, size * 1.2); break;
		case CODE.received: circle(this.ink.path("event", level), x, y, size); break;
		default: circle(this.ink.path("resumed", level), x, y, size);
		}
	}

	square(style, level, x, y, half) { this.ink.path(style, level).rect(x - half, y - half, half * 2, half * 2); }

	bar(style, level, x, y, length) {
		const path = this.ink.path(style, level);
		path.moveTo(x, y); path.lineTo(x, y + length);
	}

	label(row, outputs, x, y, level) {
		const { trace } = this.picture.app;
		const more = outputs > 1 ? ` +${outputs - 1}` : "";
		const isOutput = trace.what[row] === CODE.output;
		if (this.picture.isEra(row)) return; // it has its own label along the lane
		const told = level === STRONG && this.picture.app.highlight.story?.get(trace.step[row])?.text;
		const text = told ? oneLine(told, 28) : oneLine(isOutput ? `${kindOf(trace, row)} ${textOf(trace, row)}` : textOf(trace, row), 22) + more;
		this.labels.add(text, x + 7, y, level, isOutput ? "good" : "soft", {
			rank: this.picture.app.highlight?.rank(trace.step[row]) ?? 0, places: [[x + 7, y], [x + 17, y], [x - 17, y, "right"], [x + 7, y - 13]],
		});
	}
}
