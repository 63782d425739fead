// The dashboard: tables kept up to date from the event stream. The form works without this file.
"use strict";

const elements = new Map();
let map = { nodes: [], links: [] };

function row(table, key, order) {
	const body = document.querySelector("#" + table + " tbody");
	let tr = [...body.children].find((r) => r.dataset[order] === String(key));
	if (!tr) {
		tr = make("tr");
		tr.dataset[order] = key;
		body.append(tr);
	}
	return tr;
}

function showIcorp(i) {
	const tr = row("icorps", i.id, "icorp");
	if (i.state === "gone") {
		tr.remove();
		return;
	}
	const link = make("a", i.id);
	link.href = "/icorps/" + i.id;
	const state = make("span");
	state.append(stateOf(i.state));
	if (i.error)
		state.append(make("div", (i.error.element ? i.error.element + ": " : "") + i.error.reason, "failed"));
	cells(tr, [link, i.name, i.client, i.class, state, priceText(i.price), i.dns_name + " (" + i.dns.state + ")",
		i.complete_ms === null ? "" : i.complete_ms + " ms"]);
}

function used(e) {
	return e.resources.map((r) => r.resource + " " + levelText(r.resource, r.used) + " of " +
		levelText(r.resource, r.capacity)).join(", ");
}

function showElement(e) {
	e.seen = Date.now() - e.heartbeat_age_ms;
	elements.set(e.name, e);
	const adaptors = make("span");
	e.adaptors.forEach((a) => {
		const one = make("span", a.name + " ", a.up ? "up" : "down");
		one.title = a.reason;
		adaptors.append(one);
	});
	cells(row("elements", e.name, "element"), [e.name, e.kind, e.address, "", e.connected ? "open" : "none",
		e.ports.map((p) => p.name).join(" "), adaptors, used(e)]);
	showAges();
	showMap();
}

function showAges() {
	for (const e of elements.values()) {
		const cell = row("elements", e.name, "element").children[3];
		const age = Math.round((Date.now() - e.seen) / 1000);
		cell.textContent = e.alive ? age + " s ago" : "away for " + age + " s";
		cell.className = e.alive ? "up" : "down";
	}
}

function showMap() {
	const away = new Set([...elements.values()].filter((e) => !e.alive).map((e) => e.name));
	drawMap(document.getElementById("map"), map, new Set(), away);
	document.getElementById("links").replaceChildren(...map.links.map((l) =>
		make("li", l.a + (l.a_port ? " " + l.a_port : "") + " – " + l.b + (l.b_port ? " " + l.b_port : ""))));
}

function showDns(d) {
	const text = d.state === "disabled" ? "No server is configured." :
		d.server + ", zone " + d.zone + ": " + (d.ok ? d.state : d.error) + "; " + d.names.length + " names, " +
		d.pending + " to be confirmed.";
	const p = document.getElementById("dns");
	p.textContent = text;
	p.className = d.ok ? "" : "down";
}

document.querySelectorAll("#icorps tbody tr").forEach((r) => r.remove());
listen({
	icorp: showIcorp,
	element: showElement,
	l2: (m) => { map = m; showMap(); },
	dns: showDns,
});
setInterval(showAges, 1000);
