// One ICorp's page, kept up to date.
"use strict";

const id = Number(document.getElementById("icorp").dataset.id);
const marked = new Set();
let map = { nodes: [], links: [] };

function facts(i) {
	const list = [["State", stateOf(i.state)], ["Name", i.name], ["Client", i.client], ["Class", i.class],
		["DNS name", i.dns_name + " (" + i.dns.state + ")"], ["Addresses", i.dns.addresses.join(" ")],
		["Private addresses", i.prefix], ["Price", priceText(i.price)],
		["Services", i.services.map((s) => s.name + ", " + s.protocol + " port " + s.port).join("; ")],
		["Revision", i.revision], ["Asked for at", i.posted_at],
		["Complete after", i.complete_ms === null ? "not yet" : i.complete_ms + " ms"]];
	if (i.error)
		list.push(["Refused by", i.error.element], ["Reason", i.error.code + ": " + i.error.reason]);
	document.getElementById("facts").replaceChildren(...list.flatMap(([name, value]) => {
		const dd = make("dd");
		dd.append(value instanceof Node ? value : String(value));
		return [make("dt", name), dd];
	}));
}

function tables(i) {
	document.querySelector("#endpoints tbody").replaceChildren(...i.endpoints.map((e) => cells(make("tr"), [e.element,
		(e.kind === "access" ? "access router" : "server") + (e.leader ? ", leads" : ""), e.private, e.public,
		make("span", e.up ? "yes" : "no", e.up ? "up" : "down")])));
	document.querySelector("#grants tbody").replaceChildren(...i.grants.map((g) => cells(make("tr"), [g.element,
		g.endpoint, g.resource, make("span", g.outcome, g.outcome), levelText(g.resource, g.level),
		make("span", g.enforcement, g.enforcement), g.reason])));
}

function show(i) {
	if (i.id !== id)
		return;
	document.title = "ICorp " + i.id + ": " + i.name;
	facts(i);
	tables(i);
	marked.clear();
	i.endpoints.forEach((e) => marked.add(e.element));
	i.grants.forEach((g) => marked.add(g.element));
	drawMap(document.getElementById("map"), map, marked, new Set());
	document.getElementById("delete").hidden = i.state === "deleting" || i.state === "gone";
}

document.getElementById("delete").addEventListener("click", async () => {
	if (!confirm("Delete this ICorp?"))
		return;
	const answer = await fetch("/v1/icorps/" + id, { method: "DELETE" });
	if (!answer.ok)
		document.getElementById("live").textContent = (await answer.json()).error.message;
});
listen({
	icorp: show,
	l2: (m) => { map = m; drawMap(document.getElementById("map"), map, marked, new Set()); },
});
