"use strict";

// figures.js makes the numbers of the small plots: what the scenario measures comes with the
// page, and messages are counted from its rows.

const RATE_BINS = 80, RATE_KINDS = 9;

/** hasFigures reports whether there is anything to plot. */
function hasFigures(run) {
	return run.figures.times.length + run.figures.numbers.length > 0 || run.what.includes(WHAT.sent);
}

/**
 * messageRates counts the messages that were sent, and those of them that were lost, in equal parts of
 * the run: of all kinds together, then of the most frequent ones, then of the others together.
 */
function messageRates(trace, bins = RATE_BINS, most = RATE_KINDS) {
	const kinds = new Map(), series = (name) => ({ name, total: 0, lost: 0, sent: new Uint32Array(bins), gone: new Uint32Array(bins) });
	const end = Math.max(1, trace.end);
	for (let row = 0; row < trace.rows; row++) {
		if (trace.what[row] !== CODE.sent) continue;
		const kind = trace.kind[row], bin = Math.min(bins - 1, Math.floor(trace.time[trace.step[row]] / end * bins));
		if (!kinds.has(kind)) kinds.set(kind, series(trace.run.kinds[kind] ?? ""));
		addTo(kinds.get(kind), bin, 1, trace.mark[row] & LOST ? 1 : 0);
	}
	const ranked = [...kinds.values()].sort((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1));
	const sum = (name, list) => {
		const all = series(name);
		for (const one of list) for (let bin = 0; bin < bins; bin++) addTo(all, bin, one.sent[bin], one.gone[bin]);
		return all;
	};
	const few = ranked.length > most ? ranked.slice(0, most - 1) : ranked, others = ranked.slice(few.length);
	return { width: end / bins, series: [
		...(ranked.length > 1 ? [sum("all", ranked)] : []), ...few, ...(others.length ? [sum(`${others.length} others`, others)] : []),
	] };
}

function addTo(series, bin, sent, lost) {
	series.sent[bin] += sent;
	series.gone[bin] += lost;
	series.total += sent;
	series.lost += lost;
}

/** binStart returns where a bin of durations begins, in ns. Each power of two has four of equal width. */
function binStart(bin) { return 2 ** Math.floor(bin / 4) * (1 + bin % 4 / 4); }

/** timeScale returns the bins that all durations need together, and where a time lies among them: 0 to 1. */
function timeScale(times) {
	const some = times.filter((time) => time.count > 0);
	if (!some.length) return null;
	const first = Math.min(...some.map((time) => time.from)), last = Math.max(...some.map((time) => time.from + time.counts.length));
	const low = Math.log2(binStart(first)), high = Math.log2(binStart(last));
	return { first, last, at: (ns) => Math.max(0, Math.min(1, (Math.log2(Math.max(1, ns)) - low) / (high - low))) };
}

/** timeTicks returns powers of ten within a scale, at most so many. */
function timeTicks(scale, most = 6) {
	const ticks = [];
	for (let ns = 1; ns <= binStart(scale.last); ns *= 10) if (ns >= binStart(scale.first)) ticks.push(ns);
	const every = Math.ceil(ticks.length / most);
	return ticks.filter((_, i) => i % every === 0);
}

const TIME_UNITS = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9], ["min", 60e9], ["h", 3600e9]];

/** shortTime writes a duration with three digits, in the unit that suits it. */
function shortTime(ns) {
	let [unit, size] = TIME_UNITS[0];
	for (const [name, large] of TIME_UNITS) if (ns >= large * (large > 1e9 ? 2 : 0.9995)) [unit, size] = [name, large];
	return `${threeDigits(ns / size)} ${unit}`;
}

/** threeDigits writes a number with three digits, and none that says nothing. */
function threeDigits(x) {
	if (x >= 100) return count(Math.round(x));
	return String(Number(x.toPrecision(3)));
}
