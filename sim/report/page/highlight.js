"use strict";

// highlight.js says which steps and messages stand out, while others are dim.
// A highlight has steps, in order, and tests for a step, a row and a message by
// the row that sent it.

/**
 * highlightCone lets a cone stand out, with the messages that its steps lost,
 * and the steps that the story of the run names, if it is given.
 */
function highlightCone(trace, cone, story) {
	const has = (step) => cone.has(step) || story?.has(step) === true;
	return {
		cone, story: story || null,
		steps: story ? [...new Set([...cone.steps, ...story.keys()])].sort((a, b) => a - b) : cone.steps,
		step: has,
		row: (row) => has(trace.step[row]),
		arrow: (sent) => has(trace.step[sent]) && (trace.target[sent] >= 0 ? has(trace.step[trace.target[sent]]) : (trace.mark[sent] & LOST) !== 0),
		rank: (step) => cone.hops[step] === 0 ? -2 : story?.has(step) ? 0 : cone.hops[step], // of its label: lower comes first
	};
}

/**
 * storySteps returns the steps that the lines of a story name: for each the
 * number of the first line that does, and what to write at its mark. That is
 * what its node said, if a line tells of it.
 */
function storySteps(run, steps) {
	const story = new Map();
	run.story.forEach((line, i) => {
		const mention = splitSteps(line, steps).find((part) => part.step);
		if (!mention) return;
		const [, said] = line.match(/ ms +node \d+: (.+)/) || [];
		const told = story.get(mention.step);
		if (!told) story.set(mention.step, { line: i + 1, text: said || "" });
		else told.text ||= said || "";
	});
	return story;
}

/** highlightMatches lets stand out what a filter matches. */
function highlightMatches(matches) {
	return {
		cone: null, story: null, steps: matches.list,
		step: (step) => matches.steps[step] === 1,
		row: (row) => matches.rows[row] === 1,
		arrow: (sent) => matches.rows[sent] === 1,
		rank: () => 0,
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
		const node = trace.stepNode[step], away = highlight.cone ? Math.max(0, highlight.rank(step)) : Math.abs(step - cursor);
		if (node >= 0 && !(nearest.get(node) <= away)) nearest.set(node, away);
	}
	return [...nearest].sort((a, b) => a[1] - b[1] || a[0] - b[0]).map(([node]) => node);
}
