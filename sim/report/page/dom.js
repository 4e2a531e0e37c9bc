"use strict";

// dom.js builds elements. All text goes in as text nodes, so that nothing which
// a message contains is ever read as HTML.

/**
 * el makes an element. Of its properties, on holds listeners, data what becomes
 * data-*, and the rest are attributes. Children are elements, strings, or null.
 */
function el(tag, properties = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(properties)) {
		if (value === null || value === undefined || value === false) continue;
		if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
		else if (name === "data") Object.assign(element.dataset, value);
		else element.setAttribute(name, value === true ? "" : value);
	}
	element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
	return element;
}

/** fill replaces what an element contains. */
function fill(element, ...children) {
	element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
}

function button(label, action, properties = {}) {
	return el("button", { type: "button", ...properties, on: { click: action } }, label);
}

/** stepLink makes a button that goes to a step. */
function stepLink(app, step, label = `step ${count(step)}`, row = -1) {
	return button(label, () => app.select(step, { row }), { class: "link", data: { step } });
}

/** linked returns text in which every mention of a step is a link. */
function linked(app, text) {
	return splitSteps(visible(text), app.trace.steps).map((part) => typeof part === "string" ? part : stepLink(app, part.step, part.text));
}

/** choice makes a row of buttons of which one is pressed. */
function choice(id, label, options, action) {
	const buttons = options.map(([value, text]) => button(text, () => action(value), { data: { value } }));
	const group = el("div", { id, class: "choice", role: "group", "aria-label": label }, buttons);
	group.choose = (value) => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.value === value)));
	return group;
}

/** copyText puts text on the clipboard, also in a page that was opened from a file. */
async function copyText(text) {
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		const area = el("textarea", { class: "offscreen", "aria-hidden": "true" });
		area.value = text;
		document.body.append(area);
		area.select();
		document.execCommand("copy");
		area.remove();
	}
}

// Shape and word say what a verdict is; colour only repeats it.
const VERDICTS = new Map(Object.entries({
	pass: ["✓", "pass"], violation: ["✕", "violation"], inconclusive: ["?", "inconclusive"], error: ["!", "error"],
	unseen: ["○", "unseen"], "not applicable": ["–", "not applicable"],
}));

function verdictBadge(verdict, properties = {}) {
	const [shape, word] = VERDICTS.get(verdict) || ["?", String(verdict)];
	return el("span", { ...properties, class: `verdict ${word.replaceAll(" ", "-")}` }, el("span", { "aria-hidden": "true" }, shape), " ", word);
}
