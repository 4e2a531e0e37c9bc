"use strict";

// arrows.js draws messages on their way.

// Where along an arrow its label may stand.
const LABEL_PARTS = [0.42, 0.58, 0.3, 0.7, 0.2];

const HEADS_BELOW = 4000; // visible rows above which arrows have no heads

/**
 * Arrows draws the messages of the visible rows. A message that arrives is
 * drawn once, at its arrival, so that one which was sent left of the window
 * shows as well; what arrives right of it is drawn from where it was sent.
 */
class Arrows {
	constructor(picture, ink, labels) {
		this.picture = picture;
		this.ink = ink;
		this.labels = labels;
		this.ends = { x1: 0, y1: 0, x2: 0, y2: 0 };
	}

	draw(firstRow, lastRow, detailed) {
		const { trace } = this.picture.app;
		this.heads = lastRow - firstRow < HEADS_BELOW;
		this.detailed = detailed;
		for (let row = firstRow; row < lastRow; row++) {
			const what = trace.what[row];
			let sent = -1;
			if (what === CODE.received || what === CODE.dropped) {
				sent = trace.origin[row];
				if (sent < 0 && this.heads) this.input(row);
			} else if (isMessage(trace, row) && (trace.target[row] < 0 || trace.target[row] >= lastRow)) sent = row;
			if (sent >= 0) this.consider(sent);
		}
		trace.spanning(firstRow, lastRow, (sent) => this.consider(sent));
	}

	consider(sent) {
		const { highlight } = this.picture.app;
		const level = highlight ? (highlight.arrow(sent) ? STRONG : DIM) : PLAIN;
		if (level === STRONG || !this.isFolded(sent)) this.arrow(sent, level);
	}

	/** drawStrong draws the highlighted messages that arrive in a step, and those that it loses. */
	drawStrong(step) {
		const { trace, highlight } = this.picture.app;
		this.heads = true;
		this.detailed = false;
		for (let row = trace.first[step]; row < trace.first[step + 1]; row++) {
			const sent = isMessage(trace, row) && trace.target[row] < 0 ? row : trace.origin[row];
			if (sent >= 0 && isMessage(trace, sent) && highlight.arrow(sent)) this.arrow(sent, STRONG);
		}
	}

	/** isFolded reports whether a message is among folded nodes, which would only blur the picture. */
	isFolded(sent) {
		const { lanes, trace } = this.picture.app;
		return lanes.open.length > 0 && !lanes.isOpen(trace.node[sent]) && !lanes.isOpen(trace.peer[sent]);
	}

	/** place sets ends to where a message starts and ends. */
	place(sent) {
		const { trace, view } = this.picture.app, { ends } = this;
		const target = trace.target[sent];
		ends.x1 = view.x(trace.step[sent]);
		ends.y1 = this.picture.laneY(trace.node[sent]);
		ends.y2 = this.picture.laneY(trace.peer[sent]);
		if (target >= 0) {
			ends.x2 = view.x(trace.step[target]);
			return ends;
		}
		const flight = Math.max(14, Math.min(90, this.picture.usualDelay() * view.scale));
		ends.x2 = ends.x1 + flight / 2;
		ends.y2 = ends.y1 + (ends.y2 - ends.y1) / 2;
		return ends;
	}

	arrow(sent, level) {
		const { trace } = this.picture.app;
		const mark = trace.mark[sent], { x1, y1, x2, y2 } = this.place(sent);
		const lost = (mark & LOST) !== 0, arrives = trace.target[sent] >= 0;
		let style = "message";
		if (mark & CORRUPTED) style = "corrupted";
		else if (lost || mark & DROPPED) style = "lost";
		else if (!arrives) style = "pending";
		const path = this.ink.path(style, level);
		if (y1 === y2) this.loop(path, x1, x2, y1);
		else this.line(path, x1, y1, x2, y2);
		if (lost || mark & DROPPED) cross(this.ink.path("cross", level), x2, y2, this.heads ? 3.5 : 2);
		else if (arrives && this.heads) this.head(x1, y1, x2, y2, level, trace.what[sent] === CODE.copied);
		if ((mark & CORRUPTED) && this.heads) this.zigzag(x1 + (x2 - x1) * 0.68, y1 + (y2 - y1) * 0.68, level);
		if (this.detailed && level !== DIM) this.label(sent, level, x1, y1, x2, y2);
	}

	// line is cut at the edges of the window: a canvas takes no lines of a
	// million pixels gladly.
	line(path, x1, y1, x2, y2) {
		const low = -60, high = this.picture.width + 60;
		if ((x1 < low && x2 < low) || (x1 > high && x2 > high)) return;
		const slope = (y2 - y1) / (x2 - x1 || 1);
		if (x1 < low) { y1 += (low - x1) * slope; x1 = low; }
		if (x2 > high) { y2 += (high - x2) * slope; x2 = high; }
		path.moveTo(x1, y1);
		path.lineTo(x2, y2);
	}

	loop(path, x1, x2, y) {
		const high = Math.min(14, Math.max(6, (x2 - x1) / 3));
		path.moveTo(x1, y);
		path.bezierCurveTo(x1 + 2, y - high, x2 - 2, y - high, x2, y);
	}

	head(x1, y1, x2, y2, level, double) {
		if (y1 === y2) return;
		const length = Math.hypot(x2 - x1, y2 - y1) || 1, size = level === STRONG ? 8 : 7;
		const along = [(x2 - x1) / length, (y2 - y1) / length];
		const path = this.ink.path("arrowhead", level);
		for (const back of double ? [4, 5 + size] : [4]) {
			const x = x2 - along[0] * back, y = y2 - along[1] * back;
			const baseX = x - along[0] * size, baseY = y - along[1] * size;
			path.moveTo(x, y);
			path.lineTo(baseX - along[1] * size * 0.38, baseY + along[0] * size * 0.38);
			path.lineTo(baseX + along[1] * size * 0.38, baseY - along[0] * size * 0.38);
			path.closePath();
		}
	}

	zigzag(x, y, level) {
		const path = this.ink.path("zigzag", level);
		path.moveTo(x - 6, y); path.lineTo(x - 3, y - 5); path.lineTo(x, y + 5); path.lineTo(x + 3, y - 5); path.lineTo(x + 6, y);
	}

	/** input draws what comes from outside: a short arrow from above. */
	input(row) {
		const { app } = this.picture, node = app.trace.node[row];
		if (!app.lanes.isOpen(node)) return;
		const level = app.highlight ? (app.highlight.row(row) ? STRONG : DIM) : PLAIN;
		const x = app.view.x(app.trace.step[row]), y = this.picture.laneY(node);
		const path = this.ink.path("message", level);
		path.moveTo(x - 7, y - 15); path.lineTo(x - 2, y - 5);
		this.head(x - 7, y - 15, x, y - 1, level, false);
		if (this.detailed && level !== DIM) this.labels.add(oneLine(`${kindOf(app.trace, row)} ${textOf(app.trace, row)}`, 26), x + 4, y - 14, level, "ink", { rank: this.rank(app.trace.step[row]) });
	}

	label(sent, level, x1, y1, x2, y2) {
		const { trace } = this.picture.app;
		if (Math.abs(y2 - y1) < 14 && Math.abs(x2 - x1) < 40) return;
		const text = oneLine(`${kindOf(trace, sent)} ${trace.text[sent] < 0 ? "" : textOf(trace, sent)}`, level === STRONG ? 30 : 22);
		const parts = y1 === y2 ? [0.5] : LABEL_PARTS, lift = y1 === y2 ? 14 : 0;
		const places = parts.map((part) => [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part - lift]);
		const target = trace.target[sent], rank = Math.max(this.rank(trace.step[sent]), target >= 0 ? this.rank(trace.step[target]) : 0);
		this.labels.add(text, 0, 0, level, level === STRONG ? "ink" : "soft", { align: "center", rank: rank + 0.5, places });
	}

	rank(step) { return this.picture.app.highlight?.rank(step) ?? 0; }
}
