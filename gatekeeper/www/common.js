// What both pages need: building elements (only ever through textContent), the event stream, the layer-2 map.
"use strict";

const TONES = { complete: "good", up: "good", enforced: "good", applied: "good", signaling: "warn", placed: "warn",
	deleting: "warn", degraded: "warn", "best-effort": "warn", partly: "warn", failed: "bad", down: "bad", refused: "bad",
	none: "bad", gone: "bad" };
const KINDS = { access: "access router", router: "router", switch: "switch", server: "server" };

function make(tag, text, className) {
	const e = document.createElement(tag);
	if (text !== undefined && text !== null)
		e.textContent = String(text);
	if (className)
		e.className = className;
	return e;
}

// Only what changed is replaced, so that focus and selection stay where they are.
function cells(row, values) {
	const heads = row.closest("table")?.tHead.rows[0].cells;
	values.forEach((v, n) => {
		const td = make("td");
		if (v instanceof Node)
			td.append(v);
		else
			td.textContent = v === undefined || v === null ? "" : String(v);
		if (heads)
			td.dataset.label = heads[n].textContent;
		if (!row.children[n])
			row.append(td);
		else if (row.children[n].outerHTML !== td.outerHTML)
			row.children[n].replaceWith(td);
	});
	return row;
}

// A word of ours gets its colour, any other text none.
function toned(word, text) {
	return make("span", text || word, Object.hasOwn(TONES, word) ? "badge " + TONES[word] : "badge");
}

function priceText(price) {
	if (!price)
		return "";
	const per = price.interval_s === 3600 ? "h" : price.interval_s + " s";
	return (price.micro / 1e6).toFixed(6).replace(/0{1,4}$/, "") + " " + price.currency + "/" + per;
}

function levelText(resource, level) {
	switch (resource) {
	case "bandwidth": return (level / 1e6).toFixed(1) + " Mbit/s";
	case "cpu": return level + " shares";
	case "memory": return Math.round(level / 1024) + " MiB";
	case "disk": return level + " MiB";
	default: return level ? String(level) : "";
	}
}

// What was measured of a grant, if anything was.
function usedText(g) {
	if (g.used === undefined)
		return "";
	return g.resource === "cpu" ? (g.used / 10).toFixed(1) + " % of a CPU" : levelText(g.resource, g.used);
}

function timeText(ms) {
	return ms === null || ms === undefined ? "not yet" : ms < 10000 ? (ms / 1000).toFixed(2) + " s" : Math.round(ms / 1000) + " s";
}

// Listens for the named events until the page goes; says so in #live. Each connection begins with the present state,
// which ends with the first dns event: present() is called then, with the numbers of the ICorps there are.
function listen(handlers, present) {
	const live = document.getElementById("live");
	const source = new EventSource("/v1/events");
	let ids = null;
	const say = (text, tone) => { live.textContent = text; live.className = tone; };
	source.onopen = () => { ids = new Set(); say("Live", "good"); };
	source.onerror = () => {
		if (source.readyState === EventSource.CLOSED)
			say("Not live: the gatekeeper refuses. Reload to see changes.", "bad");
		else
			say("Connection lost; trying again.", "bad");
	};
	for (const name of ["icorp", "element", "l2", "dns"])
		source.addEventListener(name, (e) => {
			const data = JSON.parse(e.data);
			if (name === "icorp" && ids)
				ids.add(data.id);
			if (handlers[name])
				handlers[name](data);
			if (name === "dns" && ids) {
				present(ids);
				ids = null;
			}
		});
}

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, text) {
	const e = document.createElementNS(SVG, tag);
	for (const name of Object.keys(attributes))
		e.setAttribute(name, attributes[name]);
	if (text !== undefined)
		e.textContent = text;
	return e;
}

function neighbours(map) {
	const near = new Map(map.nodes.map((n) => [n.name, []]));
	for (const l of map.links) {
		near.get(l.a)?.push(l.b);
		near.get(l.b)?.push(l.a);
	}
	return near;
}

// A shortest way from one element to another, both included; null when the map has none.
function wayOn(map, from, to) {
	const near = neighbours(map), before = new Map([[from, null]]), queue = [from];
	if (!near.has(from))
		return null;
	for (const name of queue)
		for (const next of near.get(name) || [])
			if (!before.has(next)) {
				before.set(next, name);
				queue.push(next);
			}
	if (!before.has(to))
		return null;
	const way = [];
	for (let name = to; name !== null; name = before.get(name))
		way.unshift(name);
	return way;
}

// Columns by distance from the access routers; within a column in order of name.
function layOut(map) {
	const at = new Map(), near = neighbours(map);
	let front = map.nodes.filter((n) => n.kind === "access").map((n) => n.name);
	if (!front.length && map.nodes.length)
		front = [map.nodes[0].name];
	const columns = [];
	const seen = new Set(front);
	while (front.length) {
		columns.push(front);
		front = [...new Set(front.flatMap((n) => near.get(n)))].filter((n) => !seen.has(n));
		front.forEach((n) => seen.add(n));
	}
	const rest = map.nodes.map((n) => n.name).filter((n) => !seen.has(n));
	if (rest.length)
		columns.push(rest);
	const width = Math.max(960, 160 * columns.length);
	const height = Math.max(240, 80 * Math.max(0, ...columns.map((c) => c.length)));
	columns.forEach((names, x) => names.sort().forEach((name, y) => at.set(name, {
		x: 80 + (columns.length > 1 ? x * (width - 160) / (columns.length - 1) : width / 2 - 80),
		y: height * (y + .5) / names.length,
	})));
	return { at, width, height };
}

function portLabel(from, to, text) {
	const long = Math.hypot(to.x - from.x, to.y - from.y) || 1, part = Math.min(.5, 62 / long);
	return svg("text", { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part - 6, class: "port" }, text);
}

// marked: elements drawn as chosen, and so the links between two of them; away: those without a heartbeat.
function drawMap(target, map, marked, away) {
	const { at, width, height } = layOut(map), parts = [];
	target.setAttribute("viewBox", "0 0 " + width + " " + height);
	for (const l of map.links) {
		const a = at.get(l.a), b = at.get(l.b);
		if (!a || !b)
			continue;
		parts.push(svg("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y,
			class: marked.has(l.a) && marked.has(l.b) ? "mark" : "" }));
		parts.push(portLabel(a, b, l.a_port), portLabel(b, a, l.b_port));
	}
	for (const n of map.nodes) {
		const p = at.get(n.name), wide = Math.max(64, 9 * n.name.length + 20);
		const g = svg("g", { class: (marked.has(n.name) ? "mark " : "") + (away.has(n.name) ? "away" : "") });
		g.append(svg("rect", { x: p.x - wide / 2, y: p.y - 21, width: wide, height: 42, rx: n.kind === "switch" ? 3 : 14 }),
			svg("text", { x: p.x, y: p.y - 1 }, n.name),
			svg("text", { x: p.x, y: p.y + 13, class: "kind" }, away.has(n.name) ? "away" : n.kind),
			svg("title", {}, n.name + ", " + (KINDS[n.kind] || n.kind) + ", " + n.addresses.join(" ")));
		parts.push(g);
	}
	target.replaceChildren(...parts);
}
