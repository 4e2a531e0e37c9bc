"use strict";

// minimap.js draws the whole run in one strip: how much happens, the faults,
// the violation, what the filter matches, and the window.

class Minimap {
	constructor(app, canvas) {
		this.app = app;
		this.canvas = canvas;
		this.context = canvas.getContext("2d");
		this.background = document.createElement("canvas");
		this.made = [];
		this.listen();
	}

	get width() { return this.canvas.clientWidth; }
	get height() { return this.canvas.clientHeight; }

	whole() {
		const whole = new View(this.app.trace, this.app.view.axis);
		whole.width = this.width;
		return whole;
	}

	draw() {
		const { app } = this, ratio = devicePixelRatio || 1;
		if (this.width === 0) return;
		const made = [app.trace, app.view.axis, this.width, this.height, app.matches, app.theme, ratio];
		if (made.some((value, i) => value !== this.made[i])) { this.paint(ratio); this.made = made; }
		const { context } = this;
		this.canvas.width = this.background.width;
		this.canvas.height = this.background.height;
		context.drawImage(this.background, 0, 0);
		context.setTransform(ratio, 0, 0, ratio, 0, 0);
		this.drawWindow(context);
	}

	drawWindow(context) {
		const { app } = this, whole = this.whole(), { theme } = app;
		const left = whole.xAt(app.view.from), right = Math.max(left + 3, whole.xAt(app.view.to));
		if (!app.view.isWhole()) {
			context.fillStyle = theme.paper;
			context.globalAlpha = 0.6;
			context.fillRect(0, 0, left, this.height);
			context.fillRect(right, 0, this.width - right, this.height);
			context.globalAlpha = 1;
			context.strokeStyle = theme.accent;
			context.lineWidth = 1.5;
			context.strokeRect(left, 0.75, right - left, this.height - 1.5);
		}
		if (app.step) {
			context.fillStyle = theme.ink;
			context.fillRect(Math.round(whole.x(app.step)), 0, 1, this.height);
		}
		for (const step of app.broken) {
			const path = new Path2D();
			cross(path, whole.x(step), 7, 4);
			context.strokeStyle = theme.bad;
			context.lineWidth = 2;
			context.stroke(path);
		}
	}

	paint(ratio) {
		const { trace, theme, matches } = this.app, whole = this.whole(), wide = Math.max(1, Math.floor(this.width));
		this.background.width = Math.floor(this.width * ratio);
		this.background.height = Math.floor(this.height * ratio);
		const context = this.background.getContext("2d");
		context.setTransform(ratio, 0, 0, ratio, 0, 0);
		const rows = new Float64Array(wide), hits = new Uint8Array(wide);
		for (let step = 1; step <= trace.steps; step++) {
			const x = Math.min(wide - 1, Math.max(0, Math.floor(whole.x(step))));
			rows[x] += trace.first[step + 1] - trace.first[step];
			if (matches && matches.steps[step]) hits[x] = 1;
		}
		const most = rows.reduce((a, b) => Math.max(a, b), 1), base = this.height - 9, tall = base - 12;
		context.fillStyle = theme.soft;
		context.globalAlpha = 0.55;
		for (let x = 0; x < wide; x++) {
			if (rows[x]) context.fillRect(x, base, 1, -Math.max(1, tall * Math.sqrt(rows[x] / most)));
		}
		context.globalAlpha = 1;
		context.fillStyle = theme.accent;
		for (let x = 0; x < wide; x++) if (hits[x]) context.fillRect(x, 0, 1.5, 5);
		context.fillStyle = theme.fault;
		for (const fault of trace.faults) {
			context.globalAlpha = 0.75;
			for (const [from, to] of trace.spansOf(fault)) {
				const left = whole.x(from), right = to ? whole.x(to) : whole.xAt(whole.extent()[1]);
				context.fillRect(left, base + 3, Math.max(2, right - left), 4);
			}
		}
		context.globalAlpha = 1;
	}

	listen() {
		let grabbed = null; // where in the window the pointer took hold of it
		const move = (event) => {
			const { view } = this.app, whole = this.whole();
			const at = whole.positionAt(event.offsetX), span = view.to - view.from;
			view.setWindow(at - grabbed * span, at + (1 - grabbed) * span);
			this.app.redraw();
		};
		this.canvas.addEventListener("pointerdown", (event) => {
			const { view } = this.app, at = this.whole().positionAt(event.offsetX);
			const inside = at > view.from && at < view.to;
			grabbed = inside ? (at - view.from) / (view.to - view.from) : 0.5;
			this.canvas.setPointerCapture(event.pointerId);
			move(event);
		});
		this.canvas.addEventListener("pointermove", (event) => { if (grabbed !== null) move(event); });
		for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => { grabbed = null; });
		this.canvas.addEventListener("wheel", (event) => {
			event.preventDefault();
			this.app.view.zoom(Math.exp(-event.deltaY * 0.002));
			this.app.redraw();
		}, { passive: false });
	}
}
