"use strict";

// decode.js turns the data of the page into a Trace: one typed array per
// column, so that a million rows need no million objects.

const PAGE_VERSION = 1;

// One letter per row says what happened.
const WHAT = {
	started: "A", crashed: "C", received: "R", fired: "F", sent: "S", lost: "L", copied: "Y", corrupted: "X", dropped: "D",
	persisted: "P", synced: "Z", discarded: "U", output: "O", noted: "N", injected: "I", lifted: "J", damaged: "G",
	timerSet: "T", timerCancelled: "V", flushing: "H", flushed: "K", salvaged: "W",
};
const CODE = Object.fromEntries(Object.entries(WHAT).map(([name, letter]) => [name, letter.charCodeAt(0)]));

const BLOCK = 512;

/** isMessage reports whether a row puts a message on its way. */
function isMessage(trace, row) {
	return trace.what[row] === CODE.sent || trace.what[row] === CODE.copied;
}

// Marks of a sent message or of its copy.
const LOST = 1, COPIED = 2, CORRUPTED = 4, DROPPED = 8;

/** unpack decodes base64(gzip(JSON)). What cannot be decoded was cut off or altered. */
async function unpack(base64) {
	try {
		return await inflate(base64);
	} catch {
		throw new Error("the data of this page is incomplete or damaged");
	}
}

async function inflate(base64) {
	const binary = atob(base64.trim());
	const bytes = new Uint8Array(binary.length);
	for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
	const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
	return JSON.parse(await new Response(stream).text());
}

/** checkPage throws an error of one clear line if the page is not one that this script reads. */
function checkPage(page) {
	if (!page || typeof page !== "object") throw new Error("the data of this page is incomplete or damaged: it is not an object");
	if (page.version !== PAGE_VERSION) throw new Error(`this page reads version ${PAGE_VERSION} of the data, and its data has version ${page.version}`);
	if (!Array.isArray(page.runs) || page.runs.length === 0) throw new Error("the data of this page is incomplete or damaged: it has no run");
}

/**
 * Trace holds one run as columns. Rows count from 0, steps from 1; step 0 holds
 * the rows before the first step. An index of -1 means none.
 */
class Trace {
	constructor(run) {
		this.run = run;
		this.steps = run.dt.length;
		this.rows = run.what.length;
		this.nodes = run.names.length;
		this.readSteps(run);
		this.readRows(run);
		this.readCauses();
	}

	readSteps(run) {
		const steps = this.steps;
		this.time = new Float64Array(steps + 1);
		for (let i = 1; i <= steps; i++) this.time[i] = this.time[i - 1] + run.dt[i - 1];
		this.faults = run.faults.filter((fault) => fault.from > 0); // the others never began
		this.end = Math.max(run.end || 0, this.time[steps]);
		this.first = new Int32Array(steps + 2); // first row of each step, and one past the last
		for (let i = 0; i <= steps; i++) this.first[i + 1] = this.first[i] + run.rows[i];
		if (this.first[steps + 1] !== this.rows) throw new Error(`the data of this page is damaged: ${this.first[steps + 1]} rows counted, ${this.rows} given`);
		this.step = new Int32Array(this.rows);
		for (let i = 0; i <= steps; i++) this.step.fill(i, this.first[i], this.first[i + 1]);
	}

	// readRows spreads the columns, which only have entries where a row uses
	// them, over all rows, and joins each message with its arrival.
	readRows(run) {
		const rows = this.rows;
		const column = () => new Int32Array(rows).fill(-1);
		this.what = new Uint8Array(rows);
		this.node = column(); this.peer = column(); this.kind = column(); this.text = column();
		this.origin = column(); // of an arrival: the row that sent it; of a timer that fired or was cancelled: the row that set it
		this.target = column(); // the other way round
		this.number = new Float64Array(rows);
		this.mark = new Uint8Array(rows);
		this.altered = new Map(); // corrupted message: what it reads as
		const at = { peer: 0, kind: 0, text: 0, link: 0, num: 0 };
		const next = (name) => run[name][at[name]++];
		let node = 0, message = -1, original = -1;
		for (let row = 0; row < rows; row++) {
			node += run.node[row];
			const code = run.what.charCodeAt(row);
			this.what[row] = code;
			this.node[row] = node;
			switch (code) {
			case CODE.started: case CODE.synced: case CODE.discarded:
				this.number[row] = next("num");
				break;
			case CODE.crashed: case CODE.persisted: case CODE.injected: case CODE.lifted: case CODE.flushing: case CODE.salvaged:
				this.text[row] = next("text"); this.number[row] = next("num");
				break;
			case CODE.received: case CODE.dropped: {
				const distance = next("link");
				if (distance > 0) this.join(row, row - distance);
				else { this.kind[row] = next("kind"); this.text[row] = next("text"); }
				break;
			}
			case CODE.fired: case CODE.timerCancelled: {
				const distance = next("link");
				this.number[row] = next("num");
				if (distance > 0) { this.origin[row] = row - distance; this.target[row - distance] = row; }
				break;
			}
			case CODE.flushed: {
				const distance = next("link");
				this.text[row] = next("text"); this.number[row] = next("num");
				if (distance > 0) { this.origin[row] = row - distance; this.target[row - distance] = row; }
				break;
			}
			case CODE.sent:
				this.peer[row] = next("peer"); this.kind[row] = next("kind"); this.text[row] = next("text");
				message = original = row;
				break;
			case CODE.copied:
				if (original < 0) break;
				this.peer[row] = this.peer[original]; this.kind[row] = this.kind[original]; this.text[row] = this.text[original];
				this.mark[original] |= COPIED;
				message = row;
				break;
			case CODE.lost:
				if (message >= 0) this.mark[message] |= LOST;
				break;
			case CODE.corrupted: {
				const text = next("text");
				this.text[row] = text;
				if (message >= 0) { this.mark[message] |= CORRUPTED; this.altered.set(message, text); }
				break;
			}
			case CODE.output: case CODE.noted:
				this.kind[row] = next("kind"); this.text[row] = next("text");
				break;
			case CODE.damaged:
				this.text[row] = next("text");
				break;
			case CODE.timerSet:
				this.number[row] = next("num"); this.text[row] = next("text");
				break;
			default:
				throw new Error(`the data of this page is damaged: row ${row} is of the unknown sort ${JSON.stringify(run.what[row])}`);
			}
		}
	}

	join(row, sent) {
		this.origin[row] = sent;
		this.target[sent] = row;
		this.peer[row] = this.node[sent];
		this.kind[row] = this.kind[sent];
		this.text[row] = this.altered.get(sent) ?? this.text[sent];
		if (this.what[row] === CODE.dropped) this.mark[sent] |= DROPPED;
	}

	// readCauses gives each step its node, the step that triggered it, and the
	// steps before and after it on the same node.
	readCauses() {
		const steps = this.steps;
		this.stepNode = new Int32Array(steps + 1).fill(-1);
		this.cause = new Int32Array(steps + 1); // 0: an input, a start or a fault
		this.previous = new Int32Array(steps + 1);
		this.following = new Int32Array(steps + 1);
		this.stepsOf = new Int32Array(this.nodes); // how many steps each node takes
		const last = new Int32Array(this.nodes);
		for (let step = 1; step <= steps; step++) {
			const first = this.first[step];
			if (first === this.first[step + 1]) continue;
			const node = this.node[first];
			this.stepNode[step] = node;
			if (this.origin[first] >= 0 && this.what[first] !== CODE.timerCancelled) this.cause[step] = this.step[this.origin[first]];
			if (node < 0 || node >= this.nodes) continue;
			this.stepsOf[node]++;
			this.previous[step] = last[node];
			if (last[node]) this.following[last[node]] = step;
			last[node] = step;
			if (!TRIGGERS.has(this.what[first])) this.cause[step] = this.previous[step];
		}
	}

	/** stepAt returns the last step at or before a time, 0 if there is none. */
	stepAt(time) {
		let low = 0, high = this.steps;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if (this.time[middle] <= time) low = middle; else high = middle - 1;
		}
		return low;
	}

	/**
	 * spanning calls visit with every message that is sent before one row and
	 * arrives at or after another. Blocks of rows that do not reach so far are skipped.
	 */
	spanning(firstRow, lastRow, visit) {
		this.reach ??= this.findReach();
		for (let block = 0; block * BLOCK < firstRow; block++) {
			if (this.reach[block] < lastRow) continue;
			for (let row = block * BLOCK; row < Math.min(firstRow, (block + 1) * BLOCK); row++) {
				if (this.target[row] >= lastRow && isMessage(this, row)) visit(row);
			}
		}
	}

	findReach() {
		const reach = new Int32Array(Math.ceil(this.rows / BLOCK)).fill(-1);
		for (let row = 0; row < this.rows; row++) {
			if (this.target[row] > reach[Math.floor(row / BLOCK)] && isMessage(this, row)) reach[Math.floor(row / BLOCK)] = this.target[row];
		}
		return reach;
	}

	/**
	 * spansOf returns the spans of steps, [from, to], in which a fault is in force.
	 * A fault that comes and goes has many. to 0: to the end.
	 */
	spansOf(fault) {
		this.spans ??= this.findSpans();
		return this.spans.get(fault.id) || [[fault.from, fault.to]];
	}

	findSpans() {
		const spans = new Map(), whole = new Map(this.faults.map((fault) => [fault.id, fault]));
		for (let row = 0; row < this.rows; row++) {
			const what = this.what[row], fault = whole.get(this.number[row]);
			if ((what !== CODE.injected && what !== CODE.lifted) || !fault) continue;
			if (!spans.has(fault.id)) spans.set(fault.id, []);
			const list = spans.get(fault.id), open = list.find((span) => span[1] === 0);
			if (what === CODE.injected && !open) list.push([this.step[row], 0]);
			if (what === CODE.lifted && open) open[1] = this.step[row];
		}
		for (const [id, list] of spans) {
			const last = list[list.length - 1];
			if (last && last[1] === 0) last[1] = whole.get(id).to;
			if (!last) spans.delete(id);
		}
		return spans;
	}

	/** lastStepOf returns the last step of a node up to a step, or its first one after, 0 if it takes none. */
	lastStepOf(node, step) {
		for (let at = step; at > 0; at--) if (this.stepNode[at] === node) return at;
		for (let at = step + 1; at <= this.steps; at++) if (this.stepNode[at] === node) return at;
		return 0;
	}

	/** lead returns the row that triggered a step, or -1 if the step has no rows. */
	lead(step) {
		return this.first[step] < this.first[step + 1] ? this.first[step] : -1;
	}

	/** answersEnd reports whether a row no longer tells the fate of the message before it. */
	answersEnd(row) {
		const what = this.what[row];
		return what !== CODE.lost && what !== CODE.copied && what !== CODE.corrupted;
	}

	/** answersOf returns the lines of the replay file for the answers asked right after a row. */
	answersOf(row) {
		if (!this.answers) {
			this.answers = new Map();
			let at = 0;
			this.run.answers.row.forEach((difference, i) => {
				at += difference;
				if (!this.answers.has(at)) this.answers.set(at, []);
				this.answers.get(at).push(this.run.answers.line[i]);
			});
		}
		return this.answers.get(row) || [];
	}
}

// A step that starts with none of these continues an earlier one, after a sync.
const TRIGGERS = new Set([CODE.started, CODE.crashed, CODE.received, CODE.fired, CODE.dropped, CODE.injected, CODE.lifted, CODE.damaged]);
