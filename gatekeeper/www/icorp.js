// One ICorp's page, kept up to date.
"use strict";

const id = Number(document.getElementById("icorp").dataset.id);
const away = new Set();
let map = { nodes: [], links: [] }, icorp = null;

function facts(i) {
	const list = [["State", toned(i.state)], ["Name", i.name], ["Client", i.client], ["Class", i.class],
		["DNS name", i.dns_name + " (" + i.dns.state + ")"], ["Addresses", i.dns.addresses.join(" ")],
		["Private addresses", i.prefix], ["Price now", priceText(i.price)],
		["Services", i.services.map((s) => s.name + ", " + s.protocol + " port " + s.port).join("; ")],
		["Revision", i.revision], ["Complete after", timeText(i.complete_ms)]];
	document.getElementById("facts").replaceChildren(...list.flatMap(([name, value]) => {
		const dd = make("dd");
		dd.append(value instanceof Node ? value : String(value));
		return [make("dt", name), dd];
	}));
	document.title = i.name + " – ICorp " + i.id;
	document.getElementById("title").textContent = i.name;
}

function trouble(text) {
	const p = document.getElementById("trouble");
	if (p.textContent !== text)
		p.textContent = text;
	p.hidden = !text;
}

function tables(i) {
	const endpoints = document.querySelector("#endpoints tbody"), grants = document.querySelector("#grants tbody");
	const rows = (body, list, values) => {
		while (body.children.length > list.length)
			body.lastElementChild.remove();
		list.forEach((one, n) => cells(body.children[n] || body.appendChild(make("tr")), values(one)));
	};
	rows(endpoints, i.endpoints, (e) => [e.element, (KINDS[e.kind] || e.kind) + (e.leader ? ", leads" : ""), e.private,
		e.public, toned(e.up ? "up" : "down", e.up ? "yes" : "no"),
		e.cpu_permille === undefined ? "" : (e.cpu_permille / 10).toFixed(1) + " %"]);
	rows(grants, i.grants, (g) => [g.element, g.endpoint, g.resource, toned(g.outcome), levelText(g.resource, g.level),
		usedText(g), toned(g.enforcement), g.reason]);
	document.getElementById("grants-empty").hidden = i.grants.length > 0;
	grants.closest(".scroll").hidden = !i.grants.length;
}

function ways(i) {
	const access = i.endpoints.filter((e) => e.kind === "access"), servers = i.endpoints.filter((e) => e.kind === "server")
		.sort((a, b) => a.element < b.element ? -1 : 1);
	const leader = access.find((e) => e.leader) || access[0];
	const pairs = servers.map((s) => [leader, s]).concat(access.filter((a) => a !== leader).map((a) => [a, servers[0]]));
	return pairs.filter(([a, s]) => a && s).map(([a, s]) => ({ from: a.element, to: s.element, hops: wayOn(map, a.element, s.element) }));
}

function hop(i, name, to) {
	const li = make("li"), node = map.nodes.find((n) => n.name === name);
	const servers = new Set(i.endpoints.filter((e) => e.kind === "server").map((e) => e.element));
	const grants = i.grants.filter((g) => g.element === name && (g.endpoint === to || !servers.has(g.endpoint)));
	li.append(make("strong", name), make("span", node ? KINDS[node.kind] || node.kind : "", "help"));
	for (const g of grants) {
		const one = make("div", g.resource + " " + levelText(g.resource, g.level), "grant");
		one.append(make("br"), toned(g.outcome), " ", toned(g.enforcement));
		if (g.used !== undefined)
			one.append(make("br"), make("span", usedText(g) + " used", "help"));
		li.append(one);
	}
	if (!grants.length)
		li.append(make("span", "no grant reported", "help"));
	if (i.error && i.error.element === name)
		li.append(make("span", "refused", "badge bad"));
	return li;
}

function paths(i) {
	const all = ways(i);
	document.getElementById("paths").replaceChildren(...all.flatMap((w) => {
		const head = make("h3", w.from + " to " + w.to);
		if (!w.hops)
			return [head, make("p", "The map shows no way between them (yet).", "empty")];
		const list = make("ol", null, "hops");
		list.append(...w.hops.map((name) => hop(i, name, w.to)));
		return [head, list];
	}));
	drawMap(document.getElementById("map"), map, new Set(all.flatMap((w) => w.hops || [w.from, w.to])), away);
}

function note(when, text) {
	const li = make("li"), time = make("time", when.toLocaleTimeString([], { hour12: false }));
	time.dateTime = when.toISOString();
	li.append(time, " ", make("span", text));
	const list = document.getElementById("timeline");
	list.append(li);
	while (list.children.length > 50)
		list.children[2].remove();
}

function timeline(before, i) {
	const now = new Date(), posted = new Date(i.posted_at);
	if (!before) {
		note(posted, "asked for");
		if (i.complete_ms !== null)
			note(new Date(posted.getTime() + i.complete_ms), "complete, after " + timeText(i.complete_ms));
		note(now, "seen here as " + i.state);
		return;
	}
	if (before.state !== i.state)
		note(now, before.state + " → " + i.state);
	if (priceText(before.price) !== priceText(i.price))
		note(now, "price " + priceText(i.price));
	if (before.dns.state !== i.dns.state)
		note(now, "DNS: " + i.dns.state);
	for (const e of i.endpoints)
		if (before.endpoints.find((b) => b.element === e.element)?.up !== e.up)
			note(now, e.element + (e.up ? " up" : " down"));
	const said = (g) => JSON.stringify({ ...g, used: undefined });
	for (const g of i.grants)
		if (!before.grants.some((b) => said(b) === said(g)))
			note(now, g.element + " " + g.outcome + " " + g.resource + " " + levelText(g.resource, g.level) +
				(g.endpoint ? " for " + g.endpoint : ""));
}

function gone() {
	document.getElementById("delete").hidden = true;
	trouble("This ICorp no longer exists.");
}

function show(i) {
	if (i.id !== id)
		return;
	timeline(icorp, i);
	icorp = i;
	facts(i);
	tables(i);
	paths(i);
	trouble(i.error ? "Refused" + (i.error.element ? " by " + i.error.element : "") + ": " + i.error.reason +
		(i.error.code ? " (" + i.error.code + ")" : "") : "");
	document.getElementById("delete").hidden = i.state === "deleting";
	if (i.state === "gone")
		gone();
}

document.getElementById("delete").addEventListener("click", async () => {
	if (!confirm("Delete " + (icorp ? icorp.name : "this ICorp") + "? Its servers and its name go away."))
		return;
	try {
		const answer = await fetch("/v1/icorps/" + id, { method: "DELETE" });
		if (!answer.ok)
			trouble("Not deleted: " + (await answer.json()).error.message);
	} catch (e) {
		trouble("Not deleted: the gatekeeper does not answer.");
	}
});
document.getElementById("grants-empty").textContent = "No grant has been reported yet.";
listen({
	icorp: show,
	element: (e) => { if (e.alive) away.delete(e.name); else away.add(e.name); },
	l2: (m) => { map = m; if (icorp) paths(icorp); },
}, (ids) => { if (!ids.has(id)) gone(); });
