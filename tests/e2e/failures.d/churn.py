#!/usr/bin/env python3
"""One ICorp that is never left alone: asked for, revised, grown and shrunk from within, deleted, and again, until FILE is there.

    churn.py SEED GATEKEEPER STATE NOW FILE

Runs where the gatekeeper can be reached. STATE: the testbed's folder. The file NOW says what it is just about. What it asks for may be
refused: others see to it that something is being killed. But each ICorp must have become complete or failed, with its
reason, within DEADLINE, each revision must stand or be refused, and each that is deleted must be gone: else this ends with 1.
"""
import collections
import glob
import json
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request

DEADLINE = int(os.environ.get("DEADLINE", 90))  # longer than a revision may take: isc_start and a lifetime
REQUEST = """<request xmlns="urn:icorp:contract:1"><name>%s</name><class>%s</class><endpoints>
<access element="%s" leader="yes"/><access element="%s"/>%s</endpoints>
<services><service name="web" port="80"/></services><applications><application name="httpd"/></applications></request>"""

seed, gatekeeper, state, now_file, stop_file = sys.argv[1:]
dice = random.Random(int(seed))
token = open(state + "/token.client").read().strip()
done = collections.Counter()


def now(text):
    with open(now_file + ".new", "w") as f:
        f.write(text)
    os.rename(now_file + ".new", now_file)


def ask(method, path, body=None, kind="application/json"):
    """(status, answer); a gatekeeper that cannot be reached is an error of the test."""
    r = urllib.request.Request("http://%s:8080%s" % (gatekeeper, path), body and body.encode(), method=method)
    r.add_header("Authorization", "Bearer " + token)
    r.add_header("Content-Type", kind)
    try:
        with urllib.request.urlopen(r, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or "{}")
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read() or "{}")


def until(what, icorp, settled):
    """Asks until settled(status, answer); returns the last answer."""
    end = time.monotonic() + DEADLINE
    while True:
        status, answer = ask("GET", "/v1/icorps/%d" % icorp)
        if settled(status, answer):
            return answer
        if time.monotonic() > end:
            print("ICorp %d: %s: not so within %d s: %d %s" % (icorp, what, DEADLINE, status, json.dumps(answer)))
            sys.exit(1)
        time.sleep(0.05)


def reason(what, answer):
    e = answer.get("error") or {}
    if e:
        done["%s: refused" % what] += 1
        print("ICorp %d: %s: %s: %s: %s" % (answer["id"], what, e["element"], e["code"], e["reason"]), flush=True)


def create(n):
    a = dice.sample(["ar1", "ar2"], 2)
    servers = dice.choice(['<servers count="2"/>', '<servers count="1"/>'])
    status, answer = ask("POST", "/v1/icorps", REQUEST % ("churn%d" % n, dice.choice(["bronze", "silver"]), *a, servers),
                         "application/xml")
    if status != 201:  # no server has room before what was killed is back
        done["create: refused"] += 1
        print("create: %d %s" % (status, json.dumps(answer)), flush=True)
        time.sleep(0.2)
        return None
    done["created"] += 1
    return answer["id"]


def revise(icorp):
    to = dice.choice([{"class": c} for c in ("bronze", "silver", "gold")] +
                     [{"servers": s} for s in (["srv1"], ["srv2"], ["srv1", "srv2"])])
    status, answer = ask("PATCH", "/v1/icorps/%d" % icorp, json.dumps(to))
    done["revised" if status == 202 else "revise: %d" % status] += 1
    return status == 202


def demand(icorp):
    """More or less, asked for inside one of its ISCs, as its application would."""
    pids = glob.glob("%s/srv?/libvirt/run/lxc/icorp-%d-*.pid" % (state, icorp))
    if not pids:
        return
    try:
        pid = open(dice.choice(pids)).read().strip()
        isc = subprocess.check_output(["pgrep", "-P", pid], text=True).split()[0]
    except (OSError, subprocess.CalledProcessError):
        return  # it has just gone
    words = ["icorp", dice.choice(["more", "less"]), dice.choice(["bandwidth", "cpu", "memory"]), str(dice.randint(1, 3))]
    try:
        subprocess.run(["nsenter", "-t", isc, "-m", "-n", "-p", "--"] + words, timeout=3, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        pass
    done[words[1]] += 1


def stopping():
    return os.path.exists(stop_file)


def settle(what, icorp):
    answer = until(what, icorp, lambda s, a: s == 200 and a["state"] in ("complete", "failed") and a["next_revision"] is None)
    reason(what, answer)
    return answer["state"] == "complete"


def live(icorp):
    now("create")
    if dice.random() < 0.2:
        return  # given up before it stands
    if not settle("create", icorp):
        return
    done["complete"] += 1
    for _ in range(dice.randint(1, 6)):
        if stopping():
            return
        if dice.random() < 0.5:
            now("demand")
            demand(icorp)
        else:
            now("revise")
            if revise(icorp) and dice.random() < 0.8 and not settle("revise", icorp):
                return


def main():
    n = 0
    while not stopping():
        n += 1
        icorp = create(n)
        if icorp is None:
            continue
        live(icorp)
        now("delete")
        status, answer = ask("DELETE", "/v1/icorps/%d" % icorp)
        if status not in (202, 204, 404):
            print("ICorp %d: delete: %d %s" % (icorp, status, json.dumps(answer)))
            sys.exit(1)
        until("deleted", icorp, lambda s, a: s == 404)
        done["deleted"] += 1
    now("nothing")
    print(", ".join("%s %d" % (k, done[k]) for k in sorted(done)))


main()
