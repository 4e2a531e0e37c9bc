"use strict";

// ink.js gathers shapes of one style into one path, because a stroke for each
// of ten thousand arrows is what makes a canvas slow.

const DIM = 0, PLAIN = 1, STRONG = 2;

// Each style is told from the others by dash, shape or place as well as by colour.
const STYLES = {
	message: { colour: "message", stroke: true },
	pending: { colour: "message", stroke: true, dash: [2, 3] },
	corrupted: { colour: "fault", stroke: true, dash: [6, 3] },
	zigzag: { colour: "fault", stroke: true, width: 1.4 },
	lost: { colour: "bad", stroke: true, alarming: true },
	cross: { colour: "bad", stroke: true, width: 1.6, alarming: true },
	arrowhead: { colour: "message" },
	timer: { colour: "soft", stroke: true },
	event: { colour: "ink" },
	resumed: { colour: "ink", stroke: true },
	unsynced: { colour: "disk", stroke: true },
	synced: { colour: "disk" },
	output: { colour: "good" },
	note: { colour: "soft", stroke: true },
	fault: { colour: "fault", alarming: true },
};

const ALPHA = [0.16, 0.8, 1], CROWDED_ALPHA = 0.3;
const DIM_ROWS = 300; // visible rows above which what is dim is dimmer still
const WIDTH = [0.8, 1, 1.7];

/** Ink collects paths by style and level, and draws them with the dim ones first. */
class Ink {
	constructor(crowded = false, rows = 0) {
		this.paths = [{}, {}, {}];
		this.crowded = crowded;
		this.dim = ALPHA[DIM] * Math.min(1, Math.sqrt(DIM_ROWS / (rows || 1)));
	}

	path(style, level) {
		return this.paths[level][style] ??= new Path2D();
	}

	flush(context, theme) {
		for (const level of [DIM, PLAIN, STRONG]) {
			context.globalAlpha = level === DIM ? this.dim : ALPHA[level];
			for (const name of Object.keys(STYLES)) {
				const path = this.paths[level][name];
				if (!path) continue;
				const style = STYLES[name];
				if (this.crowded && level === PLAIN) context.globalAlpha = style.alarming ? ALPHA[PLAIN] : CROWDED_ALPHA;
				context.strokeStyle = context.fillStyle = theme[style.colour];
				context.lineWidth = (style.width || 1) * WIDTH[level];
				context.setLineDash(style.dash || []);
				if (style.stroke) context.stroke(path); else context.fill(path);
			}
		}
		context.globalAlpha = 1;
		context.setLineDash([]);
	}
}

function circle(path, x, y, radius) {
	path.moveTo(x + radius, y);
	path.arc(x, y, radius, 0, 2 * Math.PI);
}

function diamond(path, x, y, radius) {
	path.moveTo(x, y - radius); path.lineTo(x + radius, y); path.lineTo(x, y + radius); path.lineTo(x - radius, y);
	path.closePath();
}

function cross(path, x, y, radius) {
	path.moveTo(x - radius, y - radius); path.lineTo(x + radius, y + radius);
	path.moveTo(x + radius, y - radius); path.lineTo(x - radius, y + radius);
}

function triangle(path, x, y, radius) {
	path.moveTo(x - radius * 0.7, y - radius); path.lineTo(x + radius, y); path.lineTo(x - radius * 0.7, y + radius);
	path.closePath();
}

// How much of its width a text stands left of its place.
const PULL = { left: 0, center: 0.5, right: 1 };

/**
 * Labels places texts so that none covers another. Strong ones come first, and
 * of those the ones of lower rank. A label takes the first free one of its places.
 */
class Labels {
	constructor() {
		this.waiting = [];
		this.taken = [];
		this.written = [];
	}

	add(text, x, y, level, colour, { align = "left", rank = 0, places = [[x, y]] } = {}) {
		if (text) this.waiting.push({ text, level, colour, align, rank, places });
	}

	/** block keeps a rectangle free of labels. */
	block(left, top, right, bottom) { this.taken.push([left, top, right, bottom]); }

	// isRepeated reports whether the same is written near by: of many alike, one says it.
	isRepeated(text, [x, y]) {
		return this.written.some((other) => other.text === text && Math.abs(other.x - x) < 150 && Math.abs(other.y - y) < 50);
	}

	isFree(left, top, right, bottom) {
		return !this.taken.some((other) => left < other[2] && right > other[0] && top < other[3] && bottom > other[1]);
	}

	draw(context, theme, width) {
		context.font = theme.small;
		context.textBaseline = "middle";
		context.textAlign = "left";
		context.lineJoin = "round";
		this.waiting.sort((a, b) => b.level - a.level || a.rank - b.rank);
		for (const { text, places, level, colour, align } of this.waiting) {
			if (this.isRepeated(text, places[0])) continue;
			const wide = context.measureText(text).width;
			const place = places.map(([x, y, own = align]) => [Math.round(x - wide * PULL[own]), y])
				.find(([left, y]) => left >= 2 && left + wide <= width - 2 && this.isFree(left - 3, y - 7, left + wide + 3, y + 7));
			if (!place) continue;
			const [left, y] = place;
			this.written.push({ text, x: places[0][0], y: places[0][1] });
			this.block(left - 3, y - 7, left + wide + 3, y + 7);
			context.globalAlpha = level === DIM ? 0.45 : 1;
			context.strokeStyle = theme.paper;
			context.lineWidth = 3;
			context.strokeText(text, left, y);
			context.fillStyle = theme[colour];
			context.fillText(text, left, y);
		}
		context.globalAlpha = 1;
	}
}
