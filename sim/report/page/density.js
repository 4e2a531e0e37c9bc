"use strict";

// density.js shows many steps as strips: how much happens in each lane, and
// where things go wrong. Pixels are written one by one into an image of one row
// a lane, which the canvas then stretches.

const TROUBLE = new Set([CODE.lost, CODE.corrupted, CODE.crashed, CODE.damaged, CODE.discarded]);

class Density {
	constructor() {
		this.canvas = document.createElement("canvas");
		this.made = null;
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
			const high = lanes.height[node] > 8 ? lanes.height[node] * 0.62 : Math.max(1, lanes.height[node]);
			context.drawImage(this.canvas, 0, node, this.canvas.width, 1, 0, lanes.y[node] - high / 2, this.canvas.width, high);
		}
	}

	paint(app, theme, width) {
		const { view, trace, highlight } = app, nodes = Math.max(1, trace.nodes);
		const activity = new Uint16Array(width * nodes), trouble = new Uint8Array(width * nodes), strong = new Uint8Array(width * nodes);
		const isTrouble = new Uint8Array(256);
		for (const code of TROUBLE) isTrouble[code] = 1;
		const [first, last] = view.visible();
		const { what, node } = trace, positions = view.axis === "time" ? trace.time : null, { from, scale } = view;
		for (let step = first; step <= last; step++) {
			const x = Math.floor(((positions ? positions[step] : step) - from) * scale);
			if (x < 0 || x >= width) continue;
			for (let row = trace.first[step], end = trace.first[step + 1]; row < end; row++) {
				if (node[row] < 0 || what[row] === CODE.dropped) continue; // a node that is down does nothing
				const at = node[row] * width + x;
				activity[at]++;
				if (isTrouble[what[row]]) trouble[at] = 1;
			}
		}
		for (const step of highlight ? highlight.steps : []) {
			const x = Math.floor(view.x(step));
			if (x >= 0 && x < width && trace.stepNode[step] >= 0) strong[trace.stepNode[step] * width + x] = 1;
		}
		this.canvas.width = width;
		this.canvas.height = nodes;
		const image = new ImageData(width, nodes), pixels = new Uint32Array(image.data.buffer);
		const colour = ([red, green, blue], alpha) => ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
		const most = activity.reduce((a, b) => Math.max(a, b), 1);
		const dim = highlight ? 0.4 : 1;
		const shades = Uint32Array.from({ length: most + 1 }, (_, n) => n ? colour(theme.rgb.soft, Math.round(255 * dim * (0.15 + 0.75 * Math.log1p(n) / Math.log1p(most)))) : 0);
		const bad = colour(theme.rgb.bad, Math.round(235 * (highlight ? 0.5 : 1))), accent = colour(theme.rgb.accent, 255);
		for (let i = 0; i < pixels.length; i++) {
			if (activity[i]) pixels[i] = strong[i] ? accent : trouble[i] ? bad : shades[activity[i]];
		}
		this.canvas.getContext("2d").putImageData(image, 0, 0);
	}
}
