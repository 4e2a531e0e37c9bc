"use strict";

// opening.js chooses the window that a reader sees first: what led to the
// failure, on the axis on which it can be told apart.

const LEAST_BEFORE = 40; // steps that are shown before the selected one
const MOST_BEFORE = 240, MOST_TOLD = 600; // and how far back causes, and what the story tells, are followed
const CLUMP = 9; // pixels below which two marks are one to the eye

/** openRunAt shows what the run opens at: its focus with what led to it, or the whole run. */
function openRunAt(app) {
	const { focus } = app.run;
	if (focus < 1 || focus > app.trace.steps) {
		app.view.fit();
		app.changed();
		return;
	}
	app.select(focus, { still: true });
	const show = () => isLeftWanting(app) ? showStoryWindow(app) : showCauses(app);
	show();
	if (isClumped(app)) { app.view.setAxis("step"); app.changed(); show(); }
	showDifference(app);
}

// isLeftWanting reports whether the end of the run broke a check: what matters
// is where it began, and the last steps tell nothing.
function isLeftWanting(app) { return app.violations.length === 0 && app.story.size > 0; }

function showStoryWindow(app) {
	const steps = [...app.story.keys()], first = Math.min(...steps), last = Math.max(...steps);
	app.view.showAround(last, Math.max(LEAST_BEFORE, last - first), Math.max(LEAST_BEFORE / 4, Math.round((last - first) / 6)));
	app.redraw();
}

// isClumped reports whether most of what is highlighted falls together on the axis of time.
function isClumped({ view, highlight }) {
	if (view.axis !== "time" || !highlight) return false;
	const [first, last] = view.visible(), steps = highlight.steps.filter((step) => step >= first && step <= last);
	return new Set(steps.map((step) => Math.round(view.x(step) / CLUMP))).size < steps.length * 0.6;
}

/** showCauses brings the selected step into the window, with the causes that are highlighted. */
function showCauses(app) {
	const { step, highlight } = app, chain = new Set(whyChain(app.trace, step).slice(0, app.hops));
	const reach = (other) => chain.has(other) || highlight.story?.has(other) ? MOST_TOLD : MOST_BEFORE;
	let before = LEAST_BEFORE, after = LEAST_BEFORE / 4;
	for (const other of highlight?.cone ? highlight.steps : []) {
		if (Math.abs(step - other) > reach(other) && highlight.cone.hops[other] > 1) continue;
		before = Math.max(before, step - other);
		after = Math.max(after, other - step);
	}
	// What the story tells of later, no cause of this step, may not take the room.
	app.view.showAround(step, before, Math.min(Math.max(after, Math.round(before / 6)), Math.max(LEAST_BEFORE, before)));
	app.redraw();
}
