"use strict";

// lists.js fills the lists beside the picture: checks, story, and what is known
// of the run as a whole.

/** showHeader fills the header for the shown run. */
function showHeader(app, refs) {
	const { run } = app;
	fill(refs.verdict, verdictBadge(run.verdict));
	fill(refs.name, el("b", {}, visible(run.scenario)), run.seed ? ` seed ${visible(run.seed)}` : "", run.label && app.page.runs.length < 2 ? el("span", { class: "quiet" }, ` · ${run.label}`) : null);
	const failed = run.checks.filter((check) => check.verdict === "violation");
	const failing = failed.find((check) => check.step === run.focus) || failed[0];
	if (failing) {
		const others = failed.length > 1 ? ["; ", button(`${count(failed.length - 1)} more`, () => app.openTab("checks"), { class: "link", title: "Checks" }), " failed"] : null;
		fill(refs.failure, visible(failing.name), failing.step ? [" at ", stepLink(app, failing.step)] : " at the end", failing.detail ? [": ", linked(app, clip(failing.detail, 300))] : null, others);
	} else fill(refs.failure, run.failure ? linked(app, clip(run.failure, 300)) : el("span", { class: "quiet" }, visible(run.reason)));
	fill(refs.command, visible(run.command));
	fill(refs.digest, "digest ", el("span", { class: "mono" }, visible(run.digest)));
}

function clip(text, length) { return text.length > length ? text.slice(0, length) + "…" : text; }

/** showChecks lists the checks, those that failed first. */
function showChecks(app, panel) {
	const order = ["violation", "error", "inconclusive", "unseen", "pass", "not applicable"];
	const checks = [...app.run.checks].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
	fill(panel, checks.length ? null : el("p", { class: "quiet" }, "The run has no checks."), el("ul", { class: "checks" }, checks.map((check) => {
		const where = check.step ? `step ${count(check.step)}` : check.verdict === "violation" ? "at the end" : `${count(check.exercised)}×`;
		return el("li", {},
			button([verdictBadge(check.verdict), el("span", { class: "name" }, visible(check.name)), el("span", { class: "quiet", title: `exercised ${count(check.exercised)} times` }, where)], () => app.openCheck(check), { class: "check", data: { check: check.name } }),
			check.detail ? el("p", {}, linked(app, clip(check.detail, 2000))) : null);
	})));
}

function showStory(app, panel) {
	fill(panel, app.run.story.length ? el("ol", { class: "story" }, app.run.story.map((line) => el("li", {}, linked(app, clip(line, 2000))))) : el("p", { class: "quiet" }, "A run that was not shrunk has no story."));
}

function showAbout(app, panel) {
	const { run } = app;
	const pairs = (list) => list.map(([name, value]) => [el("dt", {}, visible(String(name))), el("dd", {}, linked(app, String(value)))]);
	const lines = (title, list) => list.length ? [el("h3", {}, title), el("ul", {}, list.map((line) => el("li", {}, linked(app, line))))] : null;
	fill(panel,
		lines("Warnings", run.warnings),
		el("dl", { class: "facts" }, pairs([["ended", run.reason], ["end", milliseconds(run.end)], ...run.params, ...run.facts])),
		lines("About this page", run.notes),
		run.faults.length ? [el("h3", {}, "Faults"), el("ul", { class: "faults" }, run.faults.slice(0, 300).map((fault) => el("li", {},
			fault.from > 0 ? stepLink(app, fault.from, count(fault.from)) : el("span", { class: "quiet" }, "never began"), " ", linked(app, clip(fault.text, 300)))))] : null);
}

const TABLE_ROWS = 500;

/**
 * showTable fills the table of the rows around the cursor, or of those that match the filter, for
 * reading and for screen readers.
 */
function showTable(app, panel) {
	const { trace, matches } = app;
	const rows = rowsAround(trace, app.step ? trace.first[app.step] : 0, matches);
	const of = matches ? `${count(rows.total)} rows that match` : `${count(trace.rows)} rows`;
	const place = `around ${app.step ? `step ${count(app.step)}` : "the start"}`;
	fill(panel, el("table", {},
		el("caption", {}, rows.length < rows.total ? `${count(rows.length)} of ${of}, ${place}` : of),
		el("thead", {}, el("tr", {}, ["step", "time", "node", "what", "text", "other end"].map((name) => el("th", { scope: "col" }, name)))),
		el("tbody", {}, rows.map((row) => tableRow(app, row)))));
	panel.querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
}

// rowsAround returns the rows, of those that match, on both sides of one.
function rowsAround(trace, middle, matches) {
	const before = [], after = [];
	let total = trace.rows;
	if (matches) total = matches.rows.reduce((sum, one) => sum + one, 0);
	const counts = (row) => !matches || matches.rows[row] === 1;
	for (let row = middle; row < trace.rows && after.length < TABLE_ROWS; row++) if (counts(row)) after.push(row);
	for (let row = middle - 1; row >= 0 && before.length < TABLE_ROWS; row--) if (counts(row)) before.push(row);
	const few = Math.min(before.length, Math.max(TABLE_ROWS / 2, TABLE_ROWS - after.length));
	const rows = before.slice(0, few).reverse().concat(after.slice(0, TABLE_ROWS - few));
	rows.total = total;
	return rows;
}

function tableRow(app, row) {
	const { trace } = app, step = trace.step[row], other = otherEnd(trace, row);
	const current = step === app.step && (app.row < 0 ? row === trace.lead(step) : row === app.row);
	const matched = app.matches?.rows[row] === 1;
	return el("tr", { class: step === app.step ? "chosen" : null, "aria-current": current ? "true" : null },
		el("td", {}, step ? stepLink(app, step, count(step), row) : "–"), el("td", {}, milliseconds(trace.time[step])),
		el("td", {}, trace.node[row] < 0 ? "" : String(trace.node[row])),
		el("td", {}, matched ? el("span", { class: "match", title: "matches the filter" }, "▸ ") : null, sentence(trace, row)),
		el("td", { class: "mono" }, oneLine(textOf(trace, row), 300)),
		el("td", {}, other >= 0 && trace.step[other] ? stepLink(app, trace.step[other], undefined, other) : ""));
}
