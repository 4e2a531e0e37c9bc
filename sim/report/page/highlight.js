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

/**
 * involvedNodes lists the nodes of the highlighted steps: the given one first,
 * then by hops or, of what a filter matches, by steps from the cursor.
 */
function involvedNodes(trace, highlight, first, cursor) {
	const nearest = new Map();
	if (first >= 0) nearest.set(first, -1);
	for (const step of highlight ? highlight.steps : []) {
		const node = trace.stepNode[step], away = highlight.cone ? highlight.cone.hops[step] : Math.abs(step - cursor);
		if (node >= 0 && !(nearest.get(node) <= away)) nearest.set(node, away);
	}
	return [...nearest].sort((a, b) => a[1] - b[1] || a[0] - b[0]).map(([node]) => node);
}
