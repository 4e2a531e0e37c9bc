"use strict";

// app.js is the page as a whole: which run, which step, which filter, and that
// what is shown follows them.

const HOPS = 5, STORY_HOPS = 3, MOST_HOPS = 99;

class App {
	constructor(page) {
		this.page = page;
		this.theme = null;
		this.hops = HOPS;
		this.cone = "past";
		this.extent = "differing";
		this.pinned = new Set();
		this.frames = [];
		this.traces = [];
		this.step = 0; this.row = -1; this.node = -1; this.query = ""; this.matches = null;
		this.parts = buildShell(this);
		this.theme = this.readTheme();
		this.picture = new Picture(this, this.parts.lanes);
		this.openRun(0);
		this.minimap = new Minimap(this, this.parts.minimap);
		this.pointer = new Pointer(this, this.parts.lanes, this.parts.tip);
		listenToKeys(this);
		new ResizeObserver(() => this.resized()).observe(this.parts.stage);
		new ResizeObserver(() => fitStage(this)).observe(this.parts.stage.parentElement);
	}

	readTheme() {
		const theme = readTheme();
		theme.small = `11px ${getComputedStyle(document.body).fontFamily}`;
		return theme;
	}

	// ---- runs

	openRun(index) {
		this.index = index;
		this.run = this.page.runs[index];
		this.trace = this.traces[index] ??= new Trace(this.run);
		this.states = new States(this.trace);
		this.violations = violations(this.run);
		this.atEnd = this.run.checks.filter((check) => check.verdict === "violation" && !check.step);
		this.broken = this.atEnd.length ? [...this.violations, this.trace.steps] : this.violations;
		this.story = storySteps(this.run, this.trace.steps);
		this.breaking = new Set(this.violations.map((step) => this.trace.stepNode[step])); // the nodes that do
		this.hops = this.story.size ? STORY_HOPS : HOPS; // a story says more than far causes
		this.view = new View(this.trace, this.view?.axis);
		this.lanes = new Lanes(this.trace);
		this.picture.setRun(this.trace);
		this.pinned.clear();
		this.involved = [];
		this.highlight = null;
		this.step = 0; this.row = -1; this.node = -1; this.matches = null;
		this.fillRun();
		fitStage(this);
	}

	fillRun() {
		const { parts, run, trace } = this;
		showHeader(this, parts);
		showChecks(this, parts.checks);
		showStory(this, parts.story);
		showAbout(this, parts.about);
		parts.runs.hidden = this.page.runs.length < 2;
		parts.runs.choose(String(this.index));
		fill(parts.total, ` / ${count(trace.steps)}`);
		fillFilterMenu(this, parts.fields);
		const when = (check) => check.step || trace.steps + 1;
		this.exhibits = run.checks.filter((check) => check.evidence).sort((a, b) => when(a) - when(b));
		parts.evidenceTab.hidden = this.exhibits.length === 0;
		fill(parts.evidence, this.exhibits.map((check) => el("div", { class: "exhibit" }, evidenceOf(this, check))));
		parts.figuresTab.hidden = !hasFigures(run);
		fill(parts.figures); // when they are asked for
		parts.storyTab.hidden = run.story.length === 0;
		this.openTab(run.story.length ? "story" : "checks");
		this.openTab("state");
	}

	/** showRun changes to another run, and opens it where it says. */
	showRun(index) {
		if (index === this.index || !this.page.runs[index]) return;
		const { query } = this;
		this.openRun(index);
		this.resized();
		this.opening();
		this.search(query);
	}

	opening() { openRunAt(this); }

	// ---- the selected step

	/** select shows a step. Of its options, row chooses an effect, still leaves the window where it is, node the lane. */
	select(step, { row = -1, still = false, node } = {}) {
		if (!(step >= 1 && step <= this.trace.steps)) return;
		this.step = step;
		this.row = row >= 0 && this.trace.step[row] === step ? row : -1;
		const own = this.trace.stepNode[step];
		this.node = node ?? (own >= 0 ? own : this.node);
		this.changed();
		if (!still) this.view.reveal(step);
		this.say();
		writeLink(this);
	}

	say() {
		const { trace, step, row } = this;
		fill(this.parts.live, `step ${step}, ${milliseconds(trace.time[step])}: ${row >= 0 ? `node ${trace.node[row]} ${sentence(trace, row)}` : headline(trace, step)}${failedAt(this.run, step).map((check) => `. This breaks a check: ${check.name}`).join("")}`);
	}

	move(by) {
		if (!this.step) { this.select(by > 0 ? 1 : this.trace.steps); return; }
		this.select(Math.max(1, Math.min(this.trace.steps, this.step + by)));
	}

	moveOnNode(by) {
		const { trace, step } = this;
		this.select(by < 0 ? trace.previous[step] : trace.following[step]);
	}

	// moveLane goes to the next lane of the picture, at the last step of its node so far.
	moveLane(by) {
		const order = [...this.lanes.open, ...this.lanes.thin], at = order.indexOf(this.node);
		for (let i = at + by; i >= 0 && i < order.length; i += by) {
			const step = this.trace.lastStepOf(order[i], this.step || this.trace.steps);
			if (step) { this.select(step, { node: order[i] }); return; }
		}
	}

	moveViolation(by) {
		const list = by > 0 ? this.broken : [...this.broken].reverse();
		this.select(list.find((step) => by > 0 ? step > this.step : step < this.step) ?? list[list.length - 1] ?? 0);
	}

	// otherEnd follows the chosen message; without one that which triggered the
	// step, or else the first one that it sent.
	otherEnd() {
		const { trace, step } = this;
		if (!step) return;
		const rows = this.row >= 0 ? [this.row] : [trace.lead(step), ...rowsOf(trace, step)];
		const row = rows.find((one) => one >= 0 && otherEnd(trace, one) >= 0);
		if (row === undefined) return;
		const other = otherEnd(trace, row);
		this.select(trace.step[other], { row: other });
	}

	nextEffect() {
		const rows = rowsOf(this.trace, this.step);
		if (!this.step || !rows.length) return;
		this.select(this.step, { row: rows[(rows.indexOf(this.row) + 1) % rows.length] });
	}

	goTo(text) { this.select(Number(String(text).replace(/\D/g, ""))); }

	openCheck(check) {
		const [first, last] = this.view.visible(), at = check.step || (check.verdict === "violation" ? this.trace.steps : 0);
		this.select(at, { still: true });
		if (at && (at < first || at > last)) this.showSelection();
		if (!check.evidence) return;
		this.openTab("evidence");
		this.parts.evidence.children[this.exhibits.indexOf(check)].scrollIntoView({ block: "start" });
	}

	// ---- causes and filter

	setCone(direction) { this.cone = direction; this.changed(); }

	nextCone() {
		const order = ["past", "future", "both", "off"];
		this.setCone(order[(order.indexOf(this.cone) + 1) % order.length]);
	}

	setHops(hops) { this.hops = Math.max(1, Math.min(MOST_HOPS, hops)); this.changed(); }

	searchSoon(query) {
		clearTimeout(this.typing);
		this.typing = setTimeout(() => this.search(query), 120);
	}

	search(query) {
		clearTimeout(this.typing);
		const before = this.query;
		this.query = query.trim();
		// A filter shows all that it matches, until causes are asked for within it.
		if (this.query && !before) { this.coneBefore = this.cone; this.cone = "off"; }
		if (!this.query && before) this.cone = this.coneBefore;
		this.matches = this.query ? new Matches(this.trace, this.query) : null;
		const { parts } = this;
		if (document.activeElement !== parts.filter || parts.filter.value.trim() !== this.query) parts.filter.value = this.query;
		fill(parts.count, this.matches ? (this.matches.list.length ? `${count(this.matches.list.length)} of ${count(this.trace.steps)}` : "no matches") : "");
		this.changed();
		writeLink(this);
	}

	nextMatch(by, stay = false) {
		if (!this.matches) return;
		if (stay && this.matches.steps[this.step]) { this.showSelection(); return; }
		this.select(this.matches.next(this.step || (by > 0 ? 0 : this.trace.steps + 1), by));
	}

	// highlightNow decides what stands out: the causes of the selected step, or what the filter matches.
	highlightNow() {
		const { trace, matches, step } = this;
		const within = this.cone !== "off" && step > 0 && (!matches || matches.steps[step] === 1);
		if (within) return highlightCone(trace, new Cone(trace, step, this.cone, this.hops, matches?.steps), !matches && (this.story.has(step) || step === this.run.focus) ? this.story : null);
		return matches && highlightMatches(matches);
	}

	// causesOfFailure is the highlight of what broke the run, whose nodes come first when nothing is selected.
	causesOfFailure() {
		const { run, trace, story } = this, step = this.violations[0] || run.focus;
		return this.step || !step ? null : highlightCone(trace, new Cone(trace, step, "past", this.hops), story.has(step) ? story : null);
	}

	clear() {
		if (this.query) { this.search(""); return; }
		this.step = 0; this.row = -1; this.node = -1;
		this.changed();
		writeLink(this);
	}

	// ---- what is shown

	/** changed brings everything up to date with the selection, the filter and the causes. */
	changed() {
		const { parts } = this, panel = document.activeElement?.closest("section");
		this.highlight = this.highlightNow();
		this.involved = involvedNodes(this.trace, this.highlight || this.causesOfFailure(), this.node, this.step);
		if (this.lanes.reveal(this.node)) this.redraw();
		parts.cone.choose(this.cone);
		parts.axis.choose(this.view.axis);
		fill(parts.hops, this.matches && this.highlight?.cone ? "matching" : `${this.hops} hop${this.hops > 1 ? "s" : ""}`);
		if (document.activeElement !== parts.goto) parts.goto.value = this.step ? String(this.step) : "";
		showSelected(this, parts.selected);
		showState(this, parts.state);
		fill(parts.stateAt, this.step ? `after step ${count(this.step)}, ${milliseconds(this.trace.time[this.step])}` : "at the end of the run");
		if (!parts.table.hidden) showTable(this, parts.table);
		// What had the focus may be gone, and a reader without a mouse would start over.
		if (panel && document.activeElement === document.body) panel.focus({ preventScroll: true });
		this.layout();
	}

	layout() {
		const { lanes, picture, parts } = this;
		lanes.layout(picture.top, Math.max(picture.top + 40, picture.height - 8), this.involved);
		fillGutter(this, parts.gutter);
		this.redraw();
	}

	redraw() {
		if (this.drawing) return;
		this.drawing = requestAnimationFrame(() => { this.drawing = 0; this.drawNow(); });
	}

	drawNow() {
		const start = performance.now();
		this.picture.draw();
		this.minimap?.draw();
		this.frames.push(performance.now() - start);
		if (this.frames.length > 240) this.frames.shift();
	}

	resized() {
		if (this.parts.stage.hidden) return;
		const { view } = this, ends = [view.from, view.to];
		this.picture.resize();
		// Kept, because to ask for it while panels are being filled would lay the page out each time.
		this.stateWidth = this.parts.state.clientWidth || this.parts.evidence.clientWidth;
		[view.from, view.to] = ends;
		this.layout();
		showState(this, this.parts.state);
	}

	zoom(factor) {
		const x = this.step ? this.view.x(this.step) : this.picture.width / 2;
		this.view.zoom(factor, x > 0 && x < this.picture.width ? x : undefined);
		this.redraw();
	}

	pan(part) { this.view.pan(this.picture.width * part); this.redraw(); }

	fit() { this.view.fit(); this.redraw(); }

	showSelection() { if (this.step) showCauses(this); }

	setAxis(axis) {
		this.view.setAxis(axis);
		if (this.step) this.view.reveal(this.step);
		this.changed();
	}

	theming() {
		toggleTheme();
		this.theme = this.readTheme();
		this.redraw();
	}

	scrollLanes(pixels) { if (this.lanes.scrollBy(pixels)) this.layout(); }

	showAllLanes(all) { this.lanes.all = all; this.layout(); if (this.lanes.reveal(this.node)) this.layout(); }

	fold(node) {
		if (node < 0) return;
		if (!this.lanes.folded.delete(node)) this.lanes.folded.add(node);
		this.layout();
	}

	foldAll(nodes) {
		this.lanes.folded = new Set(nodes);
		this.lanes.all = nodes.length === 0;
		this.layout();
	}

	foldOthers() {
		const involved = new Set(this.involved);
		this.foldAll(this.run.names.map((_, node) => node).filter((node) => !involved.has(node)));
	}

	pin(node) {
		if (node < 0) return;
		if (!this.pinned.delete(node)) this.pinned.add(node);
		showState(this, this.parts.state);
	}

	showExtent(extent) { this.extent = extent; showState(this, this.parts.state); }

	nextExtent() { this.showExtent(EXTENTS[(EXTENTS.indexOf(this.extent) + 1) % EXTENTS.length]); }

	showNodes() { buildNodes(this, this.parts.nodes); this.parts.nodes.showModal(); }

	toggleTable() {
		const { table, stage, tabled } = this.parts;
		table.hidden = !table.hidden;
		stage.hidden = !table.hidden;
		tabled.setAttribute("aria-pressed", String(!table.hidden));
		if (!table.hidden) { showTable(this, table); table.focus(); }
	}

	openTab(name) {
		const { parts } = this;
		if (parts[`${name}Tab`].hidden) return;
		const group = ["story", "checks", "about"].includes(name) ? ["story", "checks", "about"] : ["state", "evidence", "figures"];
		if (name === "figures" && !parts.figures.firstChild) showFigures(this, parts.figures);
		for (const one of group) {
			parts[one].hidden = one !== name;
			parts[`${one}Tab`].setAttribute("aria-selected", String(one === name));
		}
	}

	nextTab() {
		const order = ["story", "checks", "about"].filter((name) => !this.parts[`${name}Tab`].hidden);
		this.openTab(order[(order.findIndex((name) => !this.parts[name].hidden) + 1) % order.length]);
	}

	async copy(text, what) {
		await copyText(text);
		this.note(`copied the ${what}`);
	}

	/** note shows a line for a moment. */
	note(text) {
		fill(this.parts.live, text);
		const note = el("div", { class: "copied" }, text);
		this.parts.root.append(note);
		setTimeout(() => note.remove(), 1500);
	}

	copyAnswer() {
		if (!this.step) return;
		const lines = (this.row >= 0 ? [this.row] : rowsOf(this.trace, this.step)).flatMap((row) => answerLines(this, row));
		if (lines.length) this.copy(lines[0], "answer");
		else fill(this.parts.live, "every answer of this step is benign");
	}
}
