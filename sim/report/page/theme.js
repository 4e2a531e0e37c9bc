"use strict";

// theme.js reads the colours of the style sheet for the canvas.

const COLOURS = ["paper", "panel", "ink", "soft", "faint", "line", "message", "bad", "fault", "good", "disk", "accent", "band"];

/** readTheme returns the colours of the theme in force. */
function readTheme() {
	const probe = el("span", { class: "offscreen" });
	document.body.append(probe);
	const theme = {};
	for (const name of COLOURS) {
		probe.style.color = `var(--${name})`;
		theme[name] = getComputedStyle(probe).color;
	}
	const [, red, green, blue] = theme.ink.match(/(\d+)\D+(\d+)\D+(\d+)/) || [0, 0, 0, 0];
	theme.rgb = { ink: [red, green, blue].map(Number) };
	for (const name of ["soft", "bad", "accent", "good"]) theme.rgb[name] = (theme[name].match(/\d+/g) || [0, 0, 0]).slice(0, 3).map(Number);
	probe.remove();
	return theme;
}

const isDark = () => getComputedStyle(document.documentElement).colorScheme === "dark"
	|| (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);

/** toggleTheme changes between light and dark. */
function toggleTheme() {
	document.documentElement.dataset.theme = isDark() ? "light" : "dark";
}
