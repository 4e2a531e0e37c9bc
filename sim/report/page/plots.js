"use strict";

// plots.js draws the small plots of the panel Figures. A plot is as wide as its place, so what has a
// width stands in units of 1000 to the width.

const PLOT_WIDTH = 1000, PLOT_HEIGHT = 26;

function svg(tag, properties = {}, ...children) {
	const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(properties)) if (value !== null) element.setAttribute(name, value);
	element.append(...children.filter((child) => child));
	return element;
}

/** showFigures fills the panel. */
function showFigures(app, panel) {
	const some = (list) => list.filter((one) => one.count > 0 || one.open > 0);
	const numbers = some(app.run.figures.numbers);
	fill(panel, timesTable(some(app.run.figures.times)), el("div", { class: "figures" }, ratesTable(app), numbers.length ? numbersTable(numbers) : null));
}

// Bars are one path, since a run has many: a list of [left, right, height], of which the height is a share.
function bars(list, cls) {
	const path = list.filter(([, , high]) => high > 0).map(([left, right, high]) => {
		const top = (1 - high) * (PLOT_HEIGHT - 2) + 1;
		return `M${round(left * PLOT_WIDTH)} ${PLOT_HEIGHT}V${round(top)}H${round(right * PLOT_WIDTH)}V${PLOT_HEIGHT}Z`;
	}).join("");
	return path ? svg("path", { class: cls, d: path }) : null;
}

function round(x) { return Math.round(x * 10) / 10; }

function rule(at, cls) { return svg("path", { class: cls, d: `M${round(at * PLOT_WIDTH)} 0V${PLOT_HEIGHT}` }); }

function plot(label, ...children) {
	return svg("svg", { class: "plot", viewBox: `0 0 ${PLOT_WIDTH} ${PLOT_HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, ...children);
}

// tick labels a place of an axis.
function tick(at, text) {
	const label = el("span", {}, text);
	label.style.left = `${round(at * 100)}%`;
	return label;
}

// plotTable makes a table with a plot in each row: [name, what it means, plot, numbers].
function plotTable(caption, heads, rows, foot) {
	return el("table", { class: "plots" },
		el("caption", {}, caption),
		el("thead", {}, el("tr", {}, ["", "", ...heads].map((head) => el("th", { scope: "col" }, head)))),
		el("tbody", {}, rows.map(([name, what, picture, ...cells]) => el("tr", {},
			el("th", { scope: "row", title: what || null }, visible(name)), el("td", { class: "picture" }, picture), cells.map((cell) => el("td", {}, cell))))),
		foot ? el("tfoot", {}, el("tr", {}, el("td"), el("td", {}, el("div", { class: "axis" }, foot)), el("td", { colspan: String(heads.length) }))) : null);
}

// marked explains the two rules of a plot.
function marked() {
	return [el("span", { class: "mark middle" }, "p50"), ", ", el("span", { class: "mark tail" }, "p99")];
}

/** timesTable shows how long things took, all on one logarithmic axis. */
function timesTable(times) {
	const scale = timeScale(times);
	if (!scale) return null;
	const open = times.some((time) => time.open > 0), edge = (bin) => scale.at(binStart(bin)), ticks = timeTicks(scale);
	const rows = times.map((time) => {
		const grid = ticks.map((ns) => rule(scale.at(ns), "grid"));
		const most = Math.max(...time.counts), cells = time.count ? [time.p50, time.p90, time.p99, time.max].map(shortTime) : ["–", "–", "–", "–"];
		const list = time.counts.map((n, i) => [edge(time.from + i), edge(time.from + i + 1), n / most]);
		const said = time.count ? `${time.name}: from ${shortTime(time.min)} to ${shortTime(time.max)}, half within ${shortTime(time.p50)}` : `${time.name}: none`;
		return [time.name, time.what, plot(visible(said), ...grid, bars(list, "bars"), time.count ? rule(scale.at(time.p50), "middle") : null, time.count ? rule(scale.at(time.p99), "tail") : null),
			count(time.count), ...(open ? [time.open ? count(time.open) : ""] : []), ...cells];
	});
	return plotTable(["Latencies in virtual time; ", marked()], ["n", ...(open ? ["open"] : []), "p50", "p90", "p99", "max"], rows, ticks.map((ns) => tick(scale.at(ns), shortTime(ns))));
}

/** ratesTable shows how many messages were sent, over the run. A click on a plot goes to a step of that time. */
function ratesTable(app) {
	const { width, series } = messageRates(app.trace), end = Math.max(1, app.trace.end), seconds = width / 1e9;
	if (!series.length) return null;
	const lost = series.some((one) => one.lost > 0);
	const rows = series.map((one) => {
		const most = Math.max(...one.sent), bins = one.sent.length, list = (counts) => Array.from(counts, (n, i) => [i / bins, (i + 1) / bins, n / most]);
		const picture = plot(visible(`${one.name}: ${count(one.total)} messages, at most ${threeDigits(most / seconds)} a second`), bars(list(one.sent), "bars"), bars(list(one.gone), "bars lost"));
		picture.addEventListener("click", (event) => {
			const box = picture.getBoundingClientRect();
			app.select(app.trace.stepAt((event.clientX - box.left) / box.width * end) || 1);
		});
		return [oneLine(one.name, 40), "", picture, count(one.total), ...(lost ? [one.lost ? count(one.lost) : ""] : []), threeDigits(most / seconds)];
	});
	return plotTable(["Messages over virtual time, each kind on a scale of its own", lost ? ["; ", el("span", { class: "mark lost" }, "lost")] : null], ["sent", ...(lost ? ["lost"] : []), "peak a second"], rows, [tick(0, "0 s"), tick(1, shortTime(end))]);
}

/** numbersTable shows how numbers, such as hops, are spread. */
function numbersTable(numbers) {
	return plotTable("Numbers", ["n", "from", "mean", "p99", "to"], numbers.map((number) => {
		const most = Math.max(...number.counts), bins = Math.max(6, number.counts.length);
		const gap = 0.1 / bins, list = number.counts.map((n, i) => [i / bins + gap, (i + 1) / bins - gap, n / most]);
		const said = number.counts.map((n, i) => `${number.from + i * number.width}: ${count(n)}`).join(", ");
		const picture = plot(visible(`${number.name}: ${said}`), svg("title"), bars(list, "bars"));
		picture.firstChild.textContent = said;
		const cells = number.count ? [number.min, threeDigits(number.sum / number.count), number.p99, number.max].map(String) : ["–", "–", "–", "–"];
		return [number.name, number.what, picture, count(number.count), ...cells];
	}));
}
