"use strict";

// density.js shows many steps as strips: how much happens in each lane, and
// where things go wrong. Pixels are written one by one into an image of one row
// a lane, which the canvas then stretches.

// A run is counted once in this many parts of the axis; a window over many of
// them is drawn from those, and its rows are not visited again.
const PARTS = 8192;
const BAD_SHADES = 16;

// How much each trouble weighs: a loss among many messages shows faintly, a crash as strongly as can be.
const GRAVE = 1 << 16;
const TROUBLE = new Map([[CODE.lost, 1], [CODE.corrupted, 1], [CODE.crashed, GRAVE], [CODE.damaged, GRAVE], [CODE.discarded, GRAVE]]);

class Density {
	constructor() {
		this.canvas = document.createElement("canvas");
		this.made = null;
		this.parts = new Map(); // by axis: counts in parts of the whole run
		this.trace = null;
	}

	/** draw paints the strips of all lanes. The image is kept until what it shows changes. */
	draw(picture, context, width) {
		const { app } = picture, { view, trace, lanes } = app;
		const made = [view.axis, view.from, view.to, width, trace, app.highlight, picture.theme];
		if (!this.made || made.some((value, i) => value !== this.made[i])) {
			this.paint(app, picture.theme, Math.max(1, Math.floor(width)));
			this.made = made;
		}
		context.imageSmoothingEnabled = false;
		for (let node = 0; node < trace.nodes; node++) {
			const high = lanes.height[node] > 24 ? lanes.height[node] * 0.5 : lanes.height[node] > 8 ? lanes.height[node] * 0.62 : Math.max(1, lanes.height[node]);
			context.drawImage(this.canvas, 0, node, this.canvas.width, 1, 0, lanes.y[node] - high / 2, this.canvas.width, high);
		}
	}

	/** window returns what there is in each lane at each pixel. */
	window(view, width) {
		const { trace } = view, [low, high] = view.extent(), part = (high - low) / PARTS;
		if ((view.to - view.from) / part < width * 2) return countRows(view, ...view.visible(), view.from, view.scale, width);
		if (this.trace !== trace) { this.parts.clear(); this.trace = trace; }
		if (!this.parts.has(view.axis)) this.parts.set(view.axis, countRows(view, 1, trace.steps, low, 1 / part, PARTS));
		const parts = this.parts.get(view.axis), nodes = Math.max(1, trace.nodes);
		const activity = new Uint32Array(width * nodes), trouble = new Uint32Array(width * nodes);
		const first = Math.max(0, Math.floor((view.from - low) / part)), last = Math.min(PARTS, Math.ceil((view.to - low) / part));
		const columns = Int32Array.from({ length: PARTS }, (_, i) => Math.max(0, Math.min(width - 1, Math.floor((low + (i + 0.5) * part - view.from) * view.scale))));
		for (let node = 0; node < nodes; node++) {
			for (let i = first, from = node * PARTS; i < last; i++) {
				if (parts.activity[from + i] === 0) continue;
				const to = node * width + columns[i];
				activity[to] += parts.activity[from + i];
				trouble[to] += parts.trouble[from + i];
			}
		}
		return { activity, trouble };
	}

	paint(app, theme, width) {
		const { view, trace, highlight } = app, nodes = Math.max(1, trace.nodes);
		const { activity, trouble } = this.window(view, width), strong = new Uint8Array(width * nodes);
		for (const step of highlight ? highlight.steps : []) {
			const x = Math.floor(view.x(step));
			if (x >= 0 && x < width && trace.stepNode[step] >= 0) strong[trace.stepNode[step] * width + x] = 1;
		}
		this.canvas.width = width;
		this.canvas.height = nodes;
		const image = new ImageData(width, nodes), pixels = new Uint32Array(image.data.buffer);
		const colour = ([red, green, blue], alpha) => ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
		let most = 1;
		for (let i = 0; i < activity.length; i++) if (activity[i] > most) most = activity[i];
		const dim = highlight ? 0.4 : 1;
		const shades = Uint32Array.from({ length: most + 1 }, (_, n) => n ? colour(theme.rgb.soft, Math.round(255 * dim * (0.15 + 0.75 * Math.log1p(n) / Math.log1p(most)))) : 0);
		const bads = Uint32Array.from({ length: BAD_SHADES + 1 }, (_, n) => colour(theme.rgb.bad, Math.round(235 * (highlight ? 0.5 : 1) * (0.3 + 0.7 * n / BAD_SHADES))));
		const accent = colour(theme.rgb.accent, 255);
		for (let i = 0; i < pixels.length; i++) {
			if (activity[i]) pixels[i] = strong[i] ? accent : trouble[i] ? bads[Math.min(BAD_SHADES, Math.ceil(BAD_SHADES * trouble[i] / activity[i]))] : shades[activity[i]];
		}
		this.canvas.getContext("2d").putImageData(image, 0, 0);
	}
}

/** countRows counts the rows of steps in each lane, in columns of which so many make one unit of the axis. */
function countRows(view, firstStep, lastStep, from, scale, columns) {
	const { trace } = view, nodes = Math.max(1, trace.nodes), { what, node } = trace;
	const activity = new Uint32Array(columns * nodes), trouble = new Uint32Array(columns * nodes), weight = new Uint32Array(256);
	for (const [code, heavy] of TROUBLE) weight[code] = heavy;
	for (let step = firstStep; step <= lastStep; step++) {
		const x = Math.floor((view.position(step) - from) * scale);
		if (x < 0 || x >= columns) continue;
		for (let row = trace.first[step], end = trace.first[step + 1]; row < end; row++) {
			if (node[row] < 0 || what[row] === CODE.dropped) continue; // a node that is down does nothing
			const at = node[row] * columns + x;
			activity[at]++;
			trouble[at] += weight[what[row]];
		}
	}
	return { activity, trouble };
}
