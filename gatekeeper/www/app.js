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

function showEmpty() {
	for (const name of ["icorps", "elements"]) {
		const none = !document.querySelector("#" + name + " tbody tr");
		document.getElementById(name + "-empty").hidden = !none;
		document.querySelector("#" + name).parentElement.hidden = none;
	}
	document.getElementById("map-empty").hidden = map.nodes.length > 0;
	document.getElementById("map").parentElement.hidden = !map.nodes.length;
}

function showIcorp(i) {
	const tr = row("icorps", i.id, "icorp");
	if (i.state === "gone") {
		tr.remove();
		showEmpty();
		return;
	}
	const link = make("a", i.name);
	link.href = "/icorps/" + i.id;
	const state = make("span");
	state.append(toned(i.state));
	if (i.error)
		state.append(make("div", (i.error.element ? i.error.element + ": " : "") + i.error.reason, "why"));
	const dns = make("span");
	dns.append(make("span", i.dns_name), make("div", i.dns.state, "help"));
	cells(tr, [i.id, link, i.client, i.class, state, priceText(i.price), dns, timeText(i.complete_ms)]);
	showEmpty();
}

function used(e) {
	if (!e.resources.length)
		return "";
	const all = make("span");
	e.resources.forEach((r) => {
		const one = make("div", levelText(r.resource, r.used).split(" ")[0] + " of " + levelText(r.resource, r.capacity) + " " +
			(r.resource === "cpu" ? "CPU" : r.resource), "use");
		const meter = make("meter");
		meter.max = r.capacity || 1;
		meter.value = r.used;
		meter.setAttribute("aria-label", r.resource + " in use");
		one.prepend(meter);
		all.append(one);
	});
	return all;
}

function showElement(e) {
	e.seen = Date.now() - e.heartbeat_age_ms;
	elements.set(e.name, e);
	const adaptors = make("span");
	e.adaptors.forEach((a) => {
		adaptors.append(toned(a.up ? "up" : "down", a.name + (a.up ? "" : " down")), " ");
		if (a.reason)
			adaptors.append(make("div", a.reason, "why"));
	});
	const tr = row("elements", e.name, "element");
	cells(tr, [e.name, KINDS[e.kind] || e.kind, e.address, tr.children[3]?.firstChild?.cloneNode(true) || "",
		e.connected ? "open" : "none", e.ports.map((p) => p.name).join(" "), adaptors, used(e)]);
	showAges();
	showMap();
}

function showAges() {
	for (const e of elements.values()) {
		const cell = row("elements", e.name, "element").children[3];
		const age = Math.max(0, Math.round((Date.now() - e.seen) / 1000));
		cell.replaceChildren(toned(e.alive ? "up" : "down", e.alive ? age + " s ago" : "away for " + age + " s"));
	}
}

function showMap() {
	const away = new Set([...elements.values()].filter((e) => !e.alive).map((e) => e.name));
	drawMap(document.getElementById("map"), map, new Set(), away);
	document.getElementById("links").replaceChildren(...map.links.map((l) =>
		make("li", l.a + (l.a_port ? " " + l.a_port : "") + " – " + l.b + (l.b_port ? " " + l.b_port : ""))));
	showEmpty();
}

function showDns(d) {
	const text = d.state === "disabled" ? "No name server is configured: names are not published." :
		d.server + ", zone " + d.zone + ": " + (d.ok ? d.state : d.error) + "; " + d.names.length + " names, " +
		d.pending + " to be confirmed.";
	const p = document.getElementById("dns");
	p.textContent = text;
	p.className = d.ok || d.state === "disabled" ? "" : "bad";
}

// What was refused can be put right instead of being typed again.
function keepForm() {
	const form = document.getElementById("ask"), problem = document.querySelector(".problem");
	const kept = JSON.parse(sessionStorage.getItem("ask") || "null");
	if (problem && kept)
		for (const field of form.elements)
			if (field.type === "checkbox")
				field.checked = kept.some(([n, v]) => n === field.name && v === field.value);
			else if (field.name)
				field.value = kept.find(([n]) => n === field.name)?.[1] ?? field.value;
	if (problem)
		problem.focus();
	sessionStorage.removeItem("ask");
	form.addEventListener("submit", () => sessionStorage.setItem("ask", JSON.stringify([...new FormData(form)])));
}

keepForm();
document.querySelectorAll("#icorps tbody tr").forEach((r) => r.replaceChildren());
document.getElementById("elements-empty").textContent = "No element has registered yet.";
listen({
	icorp: showIcorp,
	element: showElement,
	l2: (m) => { map = m; showMap(); },
	dns: showDns,
}, (ids) => {
	document.querySelectorAll("#icorps tbody tr").forEach((r) => { if (!ids.has(Number(r.dataset.icorp))) r.remove(); });
	showEmpty();
});
setInterval(showAges, 1000);
