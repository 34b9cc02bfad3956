// SPDX-License-Identifier: Apache-2.0
// Draws the profile in the data block. Names in it are hostile: they reach the
// page only as text (textContent, fillText), never as markup.
"use strict";
(function () {

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);

const ROW = 21;            // height of a frame with its gap, in px
const LEAST = 1.2;         // narrower frames are drawn as one block
const SEEN = 40;           // what is searched for is made that wide
const FONT = '12px system-ui, -apple-system, "Segoe UI", "Noto Sans", ' +
	'"DejaVu Sans", sans-serif';
const ROWS_FIRST = 30;     // of the table, before "Show more"
const [USER, KERNEL, PROCESS, OTHER] = [0, 1, 2, 3];

// Hues of the files with the most CPU time, hottest first.
const HUES = [210, 140, 48, 275, 178, 325, 88, 240];

// ---- text ----

function element(tag, className, text) {
	const e = document.createElement(tag);
	if (className)
		e.className = className;
	if (text !== undefined)
		e.textContent = text;
	return e;
}

function percent(part, whole) {
	const p = whole > 0 ? 100 * part / whole : 0;
	return p.toFixed(p > 0 && p < 0.1 ? 2 : 1) + "%";
}

function count(n) {
	return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
}

const SCALES = {
	nanoseconds: [[1e13, 6e10, "min", 1], [1e11, 1e9, "s", 1],
		[1e9, 1e9, "s", 2], [1e6, 1e6, "ms", 1], [1e3, 1e3, "\u00b5s", 1],
		[0, 1, "ns", 0]],
	microseconds: [[1e6, 1e6, "s", 2], [0, 1e3, "ms", 1]],
	milliseconds: [[1e3, 1e3, "s", 2], [0, 1, "ms", 0]],
	seconds: [[0, 1, "s", 0]],
	bytes: [[1073741824, 1073741824, "GiB", 2], [1048576, 1048576, "MiB", 1],
		[1024, 1024, "KiB", 1], [0, 1, "B", 0]],
};

function scaled(n, unit) {
	const scales = Object.hasOwn(SCALES, unit) ? SCALES[unit] : null;
	if (!scales)
		return count(n);
	if (n === 0)
		return unit === "bytes" ? "0 B" : "0 s";
	const [, divisor, name, digits] = scales.find((s) => n >= s[0]);
	return (n / divisor).toFixed(digits) + " " + name;
}

const value = (n) => scaled(n, data.unit);
const isTime = data.unit === "nanoseconds";

function samples(n) {
	if (data.weight <= 0)
		return "";
	const s = Math.round(n / data.weight);
	return count(s) + (s === 1 ? " sample" : " samples");
}

function baseName(path) {
	const at = path.lastIndexOf("/");
	return at >= 0 && at + 1 < path.length ? path.slice(at + 1) : path;
}

// ---- the tree, in preorder: a node's children follow it ----

const N = data.nodes.length / 4;
const depth = new Uint32Array(N);
const frame = new Int32Array(N);
const total = new Float64Array(N);
const self = new Float64Array(N);
const parent = new Int32Array(N);
const next = new Uint32Array(N);     // the first node that is not below it

(function () {
	const path = [];
	for (let i = 0; i < N; i++) {
		depth[i] = data.nodes[4 * i];
		frame[i] = data.nodes[4 * i + 1];
		total[i] = data.nodes[4 * i + 2];
		self[i] = data.nodes[4 * i + 3];
		while (path.length > depth[i])
			next[path.pop()] = i;
		parent[i] = path.length > 0 ? path[path.length - 1] : -1;
		path.push(i);
	}
	for (const i of path)
		next[i] = N;
})();

const nodeName = (i) => i === 0 ? "all" : data.frames[frame[i]][0];
const frameFile = (f) => data.files[data.frames[f][1]];
const frameKind = (f) => data.frames[f][2];

function fileText(f) {
	switch (frameKind(f)) {
	case PROCESS: return "process";
	case KERNEL: return frameFile(f) || "kernel";
	default: return frameFile(f);
	}
}

// ---- colours: by kind, and by file for the files with the most time ----

const groups = [];         // {name, self, hue, saturation, kind}
const groupOfFrame = new Int32Array(data.frames.length);

(function () {
	const byKey = new Map();
	const get = (kind, file) => {
		const key = kind === USER ? "u" + file : kind;
		if (!byKey.has(key))
			byKey.set(key, { kind, self: 0, file: data.files[file],
				frames: [] });
		return byKey.get(key);
	};
	for (const [file, kind, share] of data.shares)
		get(kind, file).self += share;
	data.frames.forEach(([, file, kind], f) => get(kind, file).frames.push(f));

	const files = [...byKey.values()].filter((g) => g.kind === USER)
		.sort((a, b) => b.self - a.self);
	const add = (name, hue, saturation, members) => {
		if (members.length === 0)
			return;
		for (const m of members)
			for (const f of m.frames)
				groupOfFrame[f] = groups.length;
		groups.push({ name, hue, saturation, kind: members[0].kind,
			self: members.reduce((s, m) => s + m.self, 0) });
	};
	const ofKind = (kind) => byKey.has(kind) ? [byKey.get(kind)] : [];
	add("kernel", 14, 1, ofKind(KERNEL));
	files.slice(0, HUES.length).forEach((g, i) =>
		add(baseName(g.file) || "unknown file", HUES[i], 1, [g]));
	add("other files", 30, 0.25, files.slice(HUES.length));
	add("process", 215, 0.22, ofKind(PROCESS));
	add("unknown", 0, 0, ofKind(OTHER));
})();

let theme;

function readTheme() {
	const style = getComputedStyle(document.documentElement);
	const get = (name) => style.getPropertyValue("--" + name).trim();
	theme = { text: get("frame-text"), page: get("panel"), thin: get("thin"),
		match: get("match"), matchText: get("match-text"),
		accent: get("accent"), muted: get("muted"),
		lightness: Number(get("lightness")),
		saturation: Number(get("saturation")) };
}

// Neighbours of one file differ a little in lightness, the same name never.
function shade(name) {
	let h = 0;
	for (let i = 0; i < name.length; i++)
		h = (h * 31 + name.charCodeAt(i)) | 0;
	return (h >>> 3) % 7 - 3;
}

const fillCache = new Map();

function groupFill(g, delta) {
	return "hsl(" + g.hue + " " + theme.saturation * g.saturation + "% " +
		(theme.lightness + delta) + "%)";
}

function fill(i) {
	if (i === 0)
		return groupFill({ hue: 215, saturation: 0.12 }, 4);
	let color = fillCache.get(frame[i]);
	if (!color) {
		color = groupFill(groups[groupOfFrame[frame[i]]],
			shade(data.frames[frame[i]][0]));
		fillCache.set(frame[i], color);
	}
	return color;
}

// ---- layout: what is wide enough, row by row ----

const state = { zoom: 0, selected: -1, hover: null, flip: false, query: "",
	group: -1 };
let rows = [];             // rows[depth]: boxes from left to right
let width = 0;

// A box with node < 0 stands for frames too thin to draw below -node - 1.
function layout() {
	rows = [];
	for (let i = state.zoom; i >= 0; i = parent[i])
		rows[depth[i]] = [{ node: i, x: 0, w: width }];
	const scale = width / total[state.zoom];
	const below = [{ node: state.zoom, x: 0 }];
	while (below.length > 0) {
		const { node, x } = below.pop();
		layoutChildren(node, x, scale, below);
	}
	for (const row of rows)
		row.sort((a, b) => a.x - b.x);
}

function layoutChildren(node, x, scale, below) {
	const row = rows[depth[node] + 1] || [];
	let at = x, thin = -1;
	for (let c = node + 1; c < next[node]; c = next[c]) {
		const w = total[c] * scale;
		// children are sorted: after the first thin one all are
		if (w < LEAST) {
			thin = c;
			break;
		}
		row.push({ node: c, x: at, w });
		below.push({ node: c, x: at });
		at += w;
	}
	const rest = x + (total[node] - self[node]) * scale - at;
	if (rest >= 0.35)
		row.push({ node: -node - 1, x: at, w: rest,
			value: rest / scale, first: thin });
	if (row.length > 0)
		rows[depth[node] + 1] = row;
}

const isThin = (box) => box.node < 0;
const rowTop = (d) => (state.flip ? rows.length - 1 - d : d) * ROW;

function boxAt(x, y) {
	const r = Math.floor(y / ROW);
	const row = rows[state.flip ? rows.length - 1 - r : r];
	if (!row)
		return null;
	let low = 0, high = row.length - 1;
	while (low <= high) {
		const mid = (low + high) >> 1;
		if (x < row[mid].x)
			high = mid - 1;
		else if (x >= row[mid].x + row[mid].w)
			low = mid + 1;
		else
			return row[mid];
	}
	return null;
}

function boxOf(node) {
	const row = node >= 0 ? rows[depth[node]] : null;
	return row ? row.find((b) => b.node === node) : undefined;
}

// ---- search ----

const matchFrame = new Uint8Array(data.frames.length);

function runSearch() {
	const q = state.query.toLowerCase();
	for (let f = 0; f < data.frames.length; f++)
		matchFrame[f] = q !== "" &&
			(data.frames[f][0].toLowerCase().includes(q) ||
			fileText(f).toLowerCase().includes(q)) ? 1 : 0;
	showMatched();
}

// The outermost matches below a node: nothing is counted twice.
function outermost(from) {
	const found = [];
	for (let i = from; i < next[from];) {
		if (i > 0 && matchFrame[frame[i]]) {
			found.push(i);
			i = next[i];
		} else {
			i++;
		}
	}
	return found;
}

function showMatched() {
	let text = "";
	if (state.query !== "") {
		const sum = outermost(0).reduce((s, i) => s + total[i], 0);
		let functions = 0;
		for (const m of matchFrame)
			functions += m;
		text = functions === 0 ? "no match" :
			"matched " + percent(sum, total[0]) + " \u00b7 " + value(sum) +
			" \u00b7 " + count(functions) +
			(functions === 1 ? " function" : " functions");
		if (state.zoom > 0 && functions > 0) {
			const here = outermost(state.zoom)
				.reduce((s, i) => s + total[i], 0);
			text += " (" + percent(here, total[state.zoom]) + " of this view)";
		}
	}
	$("matched").textContent = text;
}

let nextMatch = 0;

function goToMatch() {
	let found = outermost(state.zoom);
	if (found.length === 0)
		found = outermost(0);
	if (found.length === 0)
		return;
	found.sort((a, b) => total[b] - total[a]);
	select(found[nextMatch++ % found.length], true);
}

// ---- drawing ----

const canvas = $("canvas");
const graph = $("graph");
const context = canvas.getContext("2d");
const widths = new Map();

function textWidth(text) {
	let w = widths.get(text);
	if (w === undefined) {
		w = context.measureText(text).width;
		widths.set(text, w);
	}
	return w;
}

// The text cut at its end to fit into w px, or "".
function cut(text, w) {
	if (textWidth(text) <= w)
		return text;
	let low = 0, high = Math.min(text.length, Math.ceil(w / 3));
	while (low < high) {
		const mid = (low + high + 1) >> 1;
		if (context.measureText(text.slice(0, mid) + "\u2026").width <= w)
			low = mid;
		else
			high = mid - 1;
	}
	return low < 2 ? "" : text.slice(0, low) + "\u2026";
}

function drawLabel(box, y, color) {
	const room = box.w - 9;
	if (room < 16)
		return;
	const name = nodeName(box.node);
	const share = percent(total[box.node], total[0]);
	context.fillStyle = color;
	const shareWidth = textWidth(share) + 10;
	const withShare = textWidth(name) + shareWidth <= room ||
		room > shareWidth + 150;
	context.fillText(cut(name, withShare ? room - shareWidth : room),
		box.x + 5, y + ROW / 2);
	if (withShare) {
		context.globalAlpha *= 0.75;
		context.textAlign = "right";
		context.fillText(share, box.x + box.w - 6, y + ROW / 2);
		context.textAlign = "left";
	}
}

// How many frames that are too thin look like: one beside the other.
let stripesCache = null;

function stripes() {
	if (!stripesCache) {
		const tile = document.createElement("canvas");
		tile.width = 4;
		tile.height = 1;
		const t = tile.getContext("2d");
		t.fillStyle = theme.thin;
		t.fillRect(0, 0, 2.5, 1);
		stripesCache = context.createPattern(tile, "repeat");
	}
	return stripesCache;
}

function drawBox(box, y) {
	const gap = box.w > 3 ? 1 : 0.25;
	if (isThin(box)) {
		context.globalAlpha = state.query || state.group >= 0 ? 0.3 : 0.8;
		context.fillStyle = box.w > 6 ? stripes() : theme.thin;
		context.fillRect(box.x, y, Math.max(box.w - gap, 0.4), ROW - 1);
		context.globalAlpha = 1;
		return;
	}
	const i = box.node;
	const matches = state.query !== "" && i > 0 && matchFrame[frame[i]] === 1;
	const off = i > 0 && !matches && (state.query !== "" ||
		state.group >= 0 && groupOfFrame[frame[i]] !== state.group);
	const above = i !== state.zoom && depth[i] < depth[state.zoom];
	context.globalAlpha = off ? 0.28 : above ? 0.55 : 1;
	context.fillStyle = matches ? theme.match : fill(i);
	context.fillRect(box.x, y, box.w - gap, ROW - 1);
	if (off)
		context.globalAlpha = 0.6;
	drawLabel(box, y, matches ? theme.matchText : theme.text);
	context.globalAlpha = 1;
}

function drawOutline(box, color, lineWidth) {
	const y = rowTop(rowOf(box)) - graph.scrollTop;
	context.strokeStyle = color;
	context.lineWidth = lineWidth;
	const inset = lineWidth / 2;
	context.strokeRect(box.x + inset, y + inset,
		Math.max(box.w - lineWidth - 1, 1), ROW - 1 - lineWidth);
}

const rowOf = (box) => isThin(box) ? depth[-box.node - 1] + 1 :
	depth[box.node];

function draw() {
	const height = graph.clientHeight;
	context.clearRect(0, 0, width, height);
	context.font = FONT;
	context.textBaseline = "middle";
	for (let d = 0; d < rows.length; d++) {
		const y = rowTop(d) - graph.scrollTop;
		if (y > -ROW && y < height)
			for (const box of rows[d])
				drawBox(box, y);
	}
	if (state.hover)
		drawOutline(state.hover, theme.text, 1.5);
	const chosen = boxOf(state.selected);
	if (chosen)
		drawOutline(chosen, theme.accent, 2.5);
}

let drawWaits = false;

function redraw() {
	if (drawWaits)
		return;
	drawWaits = true;
	requestAnimationFrame(() => {
		drawWaits = false;
		draw();
	});
}

function resize() {
	width = graph.clientWidth;
	layout();
	$("spacer").style.height = "0";
	canvas.style.height = "0";
	const content = rows.length * ROW;
	graph.style.height = content + 2 + "px";
	const height = graph.clientHeight;
	const ratio = window.devicePixelRatio || 1;
	canvas.width = Math.round(width * ratio);
	canvas.height = Math.round(height * ratio);
	canvas.style.height = height + "px";
	$("spacer").style.height = Math.max(content - height, 0) + "px";
	// a scroll bar may have come or gone
	if (graph.clientWidth !== width && resize.again !== true) {
		resize.again = true;
		resize();
		resize.again = false;
		return;
	}
	context.setTransform(ratio, 0, 0, ratio, 0, 0);
	draw();
}

// ---- what a frame says about itself ----

function numbersOf(box) {
	if (isThin(box)) {
		const whole = total[-box.node - 1];
		return [["Together", percent(box.value, total[0]), value(box.value),
			samples(box.value)],
			["Of the caller", percent(box.value, whole), "", ""]];
	}
	const i = box.node;
	const lines = [["Total", percent(total[i], total[0]), value(total[i]),
		samples(total[i])],
		["Self", percent(self[i], total[0]), value(self[i]),
			samples(self[i])]];
	if (i > 0)
		lines.push(["Of the caller", percent(total[i], total[parent[i]]),
			"", ""]);
	if (state.zoom > 0 && depth[i] > depth[state.zoom])
		lines.push(["Of this view", percent(total[i], total[state.zoom]),
			"", ""]);
	return lines;
}

const titleOf = (box) => isThin(box) ?
	"frames too thin to draw" : nodeName(box.node);

function sentence(box) {
	return numbersOf(box).map((line) =>
		line[0].toLowerCase() + " " + line.slice(1).filter(Boolean)
			.join(", ")).join(" \u00b7 ");
}

function showTip(box, x, y) {
	const tip = $("tip");
	tip.replaceChildren();
	tip.append(element("div", "name", titleOf(box)));
	if (!isThin(box) && box.node > 0)
		tip.append(element("div", "file", fileText(frame[box.node])));
	if (isThin(box))
		tip.append(element("div", "file", "called by " +
			nodeName(-box.node - 1) + "; zoom in to see them"));
	const table = element("table");
	for (const [name, ...cells] of numbersOf(box)) {
		const tr = element("tr");
		tr.append(element("th", "", name));
		for (const cell of cells)
			tr.append(element("td", "", cell));
		table.append(tr);
	}
	tip.append(table);
	tip.hidden = false;
	const r = tip.getBoundingClientRect();
	let left = x + 14, top = y + 18;
	if (left + r.width > window.innerWidth - 8)
		left = Math.max(8, x - r.width - 10);
	if (top + r.height > window.innerHeight - 8)
		top = Math.max(8, y - r.height - 12);
	tip.style.left = left + "px";
	tip.style.top = top + "px";
}

function showDetail() {
	const box = state.hover || boxOf(state.selected);
	const text = $("detail-text");
	text.replaceChildren();
	if (box) {
		text.append(element("span", "name", titleOf(box)),
			element("span", "numbers", sentence(box)));
	} else {
		text.append(element("span", "numbers",
			"Point at a frame or tap it to see what it takes"));
	}
	$("detail-zoom").hidden = state.selected <= 0 ||
		state.selected === state.zoom;
}

// ---- moving about ----

function scrollTo(node) {
	const y = rowTop(depth[node]);
	if (y < graph.scrollTop)
		graph.scrollTop = y;
	else if (y + ROW > graph.scrollTop + graph.clientHeight)
		graph.scrollTop = y + ROW - graph.clientHeight;
}

// Selects a node; reveal zooms out or in until it can be seen.
function select(node, reveal) {
	if (reveal && !boxOf(node)) {
		// the highest view in which it is wide enough to be seen
		let view = node;
		while (view > 0 && total[node] * width >=
			total[parent[view]] * SEEN)
			view = parent[view];
		zoom(view);
	}
	state.selected = node;
	const box = boxOf(node);
	if (box) {
		scrollTo(node);
		$("live").textContent = nodeName(node) + ". " + sentence(box);
	}
	showDetail();
	redraw();
}

function zoom(node) {
	state.zoom = node;
	state.hover = null;
	$("tip").hidden = true;
	$("reset").disabled = node === 0;
	showCrumbs();
	showMatched();
	nextMatch = 0;
	resize();
	if (state.flip)
		graph.scrollTop = graph.scrollHeight;
	else
		graph.scrollTop = Math.max(0, rowTop(depth[node]) - 5 * ROW);
	showDetail();
	redraw();
}

function crumb(node) {
	const b = element("button", "", nodeName(node));
	b.type = "button";
	b.title = nodeName(node);
	if (node === state.zoom)
		b.setAttribute("aria-current", "true");
	b.addEventListener("click", () => zoom(node));
	return b;
}

function showCrumbs() {
	const path = [];
	for (let i = state.zoom; i >= 0; i = parent[i])
		path.unshift(i);
	const nav = $("crumbs");
	nav.replaceChildren();
	path.forEach((node, k) => {
		const hidden = path.length > 7 && k > 1 && k < path.length - 4;
		if (hidden && k > 2)
			return;
		if (k > 0)
			nav.append(element("span", "", "\u203a"));
		nav.append(hidden ? element("span", "", "\u2026") : crumb(node));
	});
}

function sibling(node, step) {
	if (node <= 0)
		return node;
	const row = rows[depth[node]].filter((b) => !isThin(b));
	const at = row.findIndex((b) => b.node === node);
	const to = row[at + step];
	return to ? to.node : node;
}

function firstChild(node) {
	const child = node + 1;
	return child < next[node] && boxOf(child) ? child : node;
}

function moveSelection(key) {
	if (!boxOf(state.selected)) {
		select(state.zoom);
		return;
	}
	const deeper = state.flip ? "ArrowUp" : "ArrowDown";
	const i = state.selected;
	if (key === "ArrowLeft" || key === "ArrowRight")
		select(sibling(i, key === "ArrowLeft" ? -1 : 1));
	else if (key === deeper)
		select(i < state.zoom && next[i] > state.zoom ?
			rows[depth[i] + 1][0].node : firstChild(i));
	else
		select(Math.max(parent[i], 0));
}

function back() {
	if (state.zoom > 0)
		zoom(0);
	else if (state.query !== "")
		setQuery("");
	else if (state.group >= 0)
		setGroup(-1);
	else
		select(-1);
}

function onKey(event) {
	if (event.ctrlKey || event.metaKey || event.altKey)
		return;
	const inSearch = event.target === $("search");
	const onCanvas = event.target === canvas;
	if (event.key === "Escape") {
		if (inSearch && state.query !== "")
			setQuery("");
		else
			back();
	} else if (inSearch && event.key === "Enter") {
		goToMatch();
	} else if (!inSearch && event.key === "/") {
		$("search").focus();
		$("search").select();
	} else if (onCanvas && event.key.startsWith("Arrow")) {
		moveSelection(event.key);
	} else if (onCanvas && (event.key === "Enter" || event.key === " ")) {
		if (state.selected >= 0)
			zoom(state.selected);
	} else if (!inSearch && event.key === "Backspace") {
		zoom(Math.max(parent[state.zoom], 0));
	} else {
		return;
	}
	event.preventDefault();
}

function pointed(event) {
	const r = canvas.getBoundingClientRect();
	return boxAt(event.clientX - r.left,
		event.clientY - r.top + graph.scrollTop);
}

function onMove(event) {
	if (event.pointerType === "touch")
		return;
	state.hover = pointed(event);
	canvas.style.cursor = state.hover ? "pointer" : "default";
	if (state.hover)
		showTip(state.hover, event.clientX, event.clientY);
	else
		$("tip").hidden = true;
	showDetail();
	redraw();
}

function onLeave() {
	state.hover = null;
	$("tip").hidden = true;
	showDetail();
	redraw();
}

function onClick(event) {
	const box = pointed(event);
	if (!box)
		return;
	const node = isThin(box) ? -box.node - 1 : box.node;
	// a finger cannot hover: its first tap tells, its second one zooms
	const tells = event.pointerType === "touch" && state.selected !== node;
	state.selected = node;
	if (tells)
		select(node);
	else
		zoom(node);
}

// ---- search box, legend, table ----

function setQuery(query) {
	state.query = query;
	if ($("search").value !== query)
		$("search").value = query;
	nextMatch = 0;
	runSearch();
	showTable();
	redraw();
}

function setGroup(g) {
	state.group = state.group === g ? -1 : g;
	[...$("legend").children].forEach((b, k) =>
		b.setAttribute("aria-pressed", String(k === state.group)));
	redraw();
}

function showLegend() {
	$("legend").replaceChildren();
	groups.forEach((g, k) => {
		const b = element("button");
		const dot = element("i");
		b.type = "button";
		b.setAttribute("aria-pressed", String(state.group === k));
		dot.style.background = groupFill(g, 0);
		b.append(dot, element("span", "", g.name));
		if (g.self / total[0] >= 0.0005)
			b.append(element("b", "", percent(g.self, total[0])));
		b.addEventListener("click", () => setGroup(k));
		$("legend").append(b);
	});
}

const table = { sort: "self", rows: ROWS_FIRST };
const functions = data.functions.map(([f, several, selfValue, totalValue]) =>
	({ f, several, self: selfValue, total: totalValue,
		name: data.frames[f][0] }));

function shareCell(n) {
	const td = element("td", "number");
	const share = element("span", "share");
	const bar = element("i");
	bar.style.width = (total[0] > 0 ? 100 * n / total[0] : 0) + "%";
	share.append(bar, element("span", "", percent(n, total[0])),
		element("span", "time", value(n)));
	td.append(share);
	return td;
}

function tableRow(fn) {
	const tr = element("tr");
	const name = element("td");
	const button = element("button", "", fn.name);
	const file = fn.several ? "several files" : fileText(fn.f);
	const fileCell = element("td", "file", baseName(file));
	button.type = "button";
	button.title = fn.name;
	button.addEventListener("click", () => {
		setQuery(fn.name);
		graph.scrollIntoView({ block: "nearest" });
	});
	name.append(button);
	fileCell.title = file;
	tr.append(shareCell(fn.self), shareCell(fn.total), name, fileCell);
	return tr;
}

const ORDER = {
	self: (a, b) => b.self - a.self || b.total - a.total,
	total: (a, b) => b.total - a.total || b.self - a.self,
	name: (a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0,
};

function showTable() {
	const shown = functions.filter((fn) =>
		state.query === "" || matchFrame[fn.f] === 1).sort(ORDER[table.sort]);
	const first = shown.slice(0, table.rows);
	$("rows").replaceChildren(...first.map(tableRow));
	$("rows-shown").textContent = count(first.length) + " of " +
		count(state.query === "" ? data.functions_count : shown.length) +
		(state.query === "" ? " functions" : " matching functions");
	$("more").hidden = first.length === shown.length;
	for (const b of document.querySelectorAll("#table th button")) {
		const th = b.parentElement;
		if (b.dataset.sort === table.sort)
			th.setAttribute("aria-sort", table.sort === "name" ?
				"ascending" : "descending");
		else
			th.removeAttribute("aria-sort");
	}
}

// ---- the head ----

function fact(name, text) {
	const div = element("div");
	div.append(element("dt", "", name), element("dd", "", text));
	$("facts").append(div);
}

function showHead() {
	const whole = total[0];
	document.title = data.title + " - flame graph - phlare-ebpf";
	$("title").textContent = data.title;
	if (data.start > 0)
		$("when").textContent = new Date(data.start).toISOString()
			.replace("T", " ").replace(/\.\d+Z$/, " UTC");
	fact(data.type === "cpu" && isTime ? "CPU time" : data.type, value(whole));
	if (data.weight > 0)
		fact("samples", count(whole / data.weight));
	if (data.duration > 0)
		fact("duration", scaled(data.duration, "nanoseconds"));
	if (data.weight > 1 && isTime)
		fact("sample rate", Math.round(1e9 / data.weight) + " Hz");
	if (data.duration > 0 && isTime && data.type === "cpu")
		fact("CPUs busy", (whole / data.duration).toFixed(2));
	const notes = data.comments.slice();
	if (data.left_out > 0)
		notes.push("The thinnest " + count(data.left_out) +
			" frames are left out of the graph; the table counts them.");
	if (data.negative > 0)
		notes.push(count(data.negative) +
			" samples with negative values are left out.");
	$("comments").replaceChildren(...notes.map((c) => element("li", "", c)));
	$("comments").hidden = notes.length === 0;
}

function listen() {
	document.addEventListener("keydown", onKey);
	canvas.addEventListener("pointermove", onMove);
	canvas.addEventListener("pointerleave", onLeave);
	canvas.addEventListener("click", onClick);
	graph.addEventListener("scroll", redraw);
	window.addEventListener("resize", resize);
	$("search").addEventListener("input", (e) => setQuery(e.target.value));
	$("reset").addEventListener("click", () => zoom(0));
	$("detail-zoom").addEventListener("click", () => zoom(state.selected));
	$("flip").addEventListener("click", () => {
		state.flip = !state.flip;
		$("flip").setAttribute("aria-pressed", String(state.flip));
		zoom(state.zoom);
	});
	$("more").addEventListener("click", () => {
		table.rows = table.rows * 4;
		showTable();
	});
	for (const b of document.querySelectorAll("#table th button"))
		b.addEventListener("click", () => {
			table.sort = b.dataset.sort;
			showTable();
		});
	matchMedia("(prefers-color-scheme: dark)")
		.addEventListener("change", () => {
			readTheme();
			fillCache.clear();
			stripesCache = null;
			showLegend();
			draw();
		});
}

readTheme();
showHead();
if (N === 0 || total[0] === 0) {
	$("nothing").hidden = false;
} else {
	$("main").hidden = false;
	showLegend();
	runSearch();
	showTable();
	listen();
	zoom(0);
}
})();
