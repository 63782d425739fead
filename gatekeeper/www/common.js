// What both pages need: building elements (only ever through textContent), the event stream, the layer-2 map.
"use strict";

function make(tag, text, className) {
	const e = document.createElement(tag);
	if (text !== undefined && text !== null)
		e.textContent = String(text);
	if (className)
		e.className = className;
	return e;
}

function cells(row, values) {
	row.replaceChildren(...values.map((v) => {
		const td = make("td");
		if (v instanceof Node)
			td.append(v);
		else
			td.textContent = v === undefined || v === null ? "" : String(v);
		return td;
	}));
	return row;
}

function stateOf(word) {
	return make("span", word, "state " + word);
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

// Listens for the named events until the page goes; says so in #live.
function listen(handlers) {
	const live = document.getElementById("live");
	const source = new EventSource("/v1/events");
	source.onopen = () => { live.textContent = "Live."; };
	source.onerror = () => { live.textContent = "Connection lost; trying again."; };
	for (const name of Object.keys(handlers))
		source.addEventListener(name, (e) => handlers[name](JSON.parse(e.data)));
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

// Columns by distance from the access routers; within a column in order of name.
function layOut(map) {
	const at = new Map(), near = new Map(map.nodes.map((n) => [n.name, []]));
	for (const l of map.links) {
		near.get(l.a)?.push(l.b);
		near.get(l.b)?.push(l.a);
	}
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
	columns.forEach((names, x) => names.sort().forEach((name, y) => at.set(name, {
		x: 80 + (columns.length > 1 ? x * 800 / (columns.length - 1) : 400),
		y: 320 * (y + 1) / (names.length + 1),
	})));
	return at;
}

function drawMap(target, map, marked, away) {
	const at = layOut(map), parts = [];
	for (const l of map.links) {
		const a = at.get(l.a), b = at.get(l.b);
		if (!a || !b)
			continue;
		parts.push(svg("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y }));
		parts.push(svg("text", { x: a.x * .75 + b.x * .25, y: a.y * .75 + b.y * .25 - 4, class: "port" }, l.a_port));
		parts.push(svg("text", { x: a.x * .25 + b.x * .75, y: a.y * .25 + b.y * .75 - 4, class: "port" }, l.b_port));
	}
	for (const n of map.nodes) {
		const p = at.get(n.name);
		const g = svg("g", { class: (marked.has(n.name) ? "mark " : "") + (away.has(n.name) ? "away" : "") });
		g.append(svg("circle", { cx: p.x, cy: p.y, r: 22 }), svg("text", { x: p.x, y: p.y + 5 }, n.name),
			svg("title", {}, n.name + ", " + n.kind + ", " + n.addresses.join(" ")));
		parts.push(g);
	}
	target.replaceChildren(...parts);
}
