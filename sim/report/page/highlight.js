"use strict";

// highlight.js says which steps and messages stand out, while others are dim.
// A highlight has steps, in order, and tests for a step, a row and a message by
// the row that sent it.

/** highlightCone lets a cone stand out, with the messages that its steps lost. */
function highlightCone(trace, cone) {
	return {
		cone, steps: cone.steps,
		step: (step) => cone.has(step),
		row: (row) => cone.has(trace.step[row]),
		arrow: (sent) => cone.has(trace.step[sent]) && (trace.target[sent] >= 0 ? cone.has(trace.step[trace.target[sent]]) : (trace.mark[sent] & LOST) !== 0),
	};
}

/** highlightMatches lets stand out what a filter matches. */
function highlightMatches(matches) {
	return {
		cone: null, steps: matches.list,
		step: (step) => matches.steps[step] === 1,
		row: (row) => matches.rows[row] === 1,
		arrow: (sent) => matches.rows[sent] === 1,
	};
}

/** involvedNodes lists the nodes of the highlighted steps, the one of the cursor first, then by hops. */
function involvedNodes(trace, highlight, cursor) {
	const nearest = new Map();
	if (cursor >= 0) nearest.set(cursor, -1);
	for (const step of highlight ? highlight.steps : []) {
		const node = trace.stepNode[step], hops = highlight.cone ? highlight.cone.hops[step] : 0;
		if (node >= 0 && !(nearest.get(node) <= hops)) nearest.set(node, hops);
	}
	return [...nearest].sort((a, b) => a[1] - b[1] || a[0] - b[0]).map(([node]) => node);
}
