"""The gatekeeper's pages as a person sees them (browser.sh).

Starts icorp-gatekeeper on loopback with a store of its own, plays the demo's eight elements by HTTP, and drives Chromium
through chromedriver (W3C WebDriver, and its door to the DevTools protocol for what WebDriver has no word for: no
scripts, phone width, dark mode). With a third argument it leaves screenshots in that directory.
"""
import base64, json, os, shutil, signal, socket, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request

BUILD, TOP, SHOTS = sys.argv[1], sys.argv[2], sys.argv[3]
DIR = tempfile.mkdtemp(prefix="icorp-browser-")
ELEMENT_KEY = "element-6066-11e4-a52e-4f735466cecf"
HOSTILE = "<img src=x onerror=\"document.title='owned'\">'\"&"
STARTED, FAILED = [], []
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def check(what, ok, detail=""):
    print(("ok - " if ok else "not ok - ") + what, flush=True)
    if not ok:
        FAILED.append(what)
        print("# " + str(detail)[:2000], flush=True)


def http(method, url, body=None, headers=None):
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with NO_PROXY.open(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def until(what, function, seconds=10):
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            last = function()
            if last and not isinstance(last, Exception):
                check(what, True)
                return last
        except (OSError, RuntimeError) as e:
            last = e
        time.sleep(0.05)
    check(what, False, last)
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(*command):
    with open(os.path.join(DIR, os.path.basename(command[0]) + ".log"), "w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    STARTED.append(process)
    return process


# ---- the gatekeeper, and the elements of the demo ----

PORTS = {  # element: kind, its ports with addresses
    "ar1": ("access", {"eth0": "10.200.1.11/24", "eth1": "10.201.1.1/24"}),
    "ar2": ("access", {"eth0": "10.200.1.12/24", "eth1": "10.201.2.1/24"}),
    "r1": ("router", {"eth0": "10.200.1.1/24", "eth1": "10.200.3.1/30"}),
    "r2": ("router", {"eth1": "10.200.2.1/24", "eth0": "10.200.3.2/30"}),
    "s1": ("switch", {"br0": "10.200.1.2/24", "eth0": "", "eth1": "", "eth2": "", "eth3": ""}),
    "s2": ("switch", {"br0": "10.200.2.2/24", "eth0": "", "eth1": "", "eth2": ""}),
    "srv1": ("server", {"eth0": "10.200.2.21/24"}),
    "srv2": ("server", {"eth0": "10.200.2.22/24"}),
}
LEARNT = {"s1": {"eth0": ["ar1:eth0"], "eth1": ["ar2:eth0"], "eth2": ["r1:eth0"]},
          "s2": {"eth0": ["r2:eth1"], "eth1": ["srv1:eth0"], "eth2": ["srv2:eth0"]}}
MACS = {f"{e}:{p}": "02:00:00:00:%02x:%02x" % (i, j) for i, (e, (_, ports)) in enumerate(PORTS.items()) for j, p in enumerate(ports)}


class Gatekeeper:
    def __init__(self):
        self.url = f"http://127.0.0.1:{free_port()}"
        with open(DIR + "/tokens", "w") as f:
            f.writelines(f"element:{e}:token-{e}\n" for e in PORTS)
        with open(DIR + "/conf", "w") as f:
            f.write(f"""listen = "{self.url[7:]}"
store = "{DIR}/db"
control = "{DIR}/control"
tokens = {{"{DIR}/tokens"}}
zone = "asp.test"
www = "{TOP}/gatekeeper/www"
anonymous = "client"
l2_debounce = 1ms
class silver {{ help = "for a small <service>" rate = 15M ceil = 30M cpu = 1024 memory = 128MiB price_cpu = 50000 }}
""")
        start(BUILD + "/icorp-gatekeeper", "-c", DIR + "/conf")

    def register(self, name):
        kind, ports = PORTS[name]
        body = {"name": name, "kind": kind, "address": next(a for a in ports.values() if a).split("/")[0],
                "ports": [{"name": p, "mac": MACS[f"{name}:{p}"], "addresses": [a] if a else []} for p, a in ports.items()],
                "adaptors": [{"name": "tc", "type": "tc", "up": name != "r2", "reason": "" if name != "r2" else HOSTILE}]}
        if name in LEARNT:
            body["fdb"] = [{"mac": MACS[m], "port": p} for p, all in LEARNT[name].items() for m in all]
        if kind == "server":
            body["resources"] = [{"resource": "cpu", "capacity": 8192, "used": 1024},
                                 {"resource": "memory", "capacity": 2097152, "used": 131072}]
            body["images"] = ["web"]
        if kind == "access":
            body["public_pool"] = f"10.202.{name[-1]}.0/24"
        status, text = self.as_element(name, "/v1/elements", body)
        return status == 200 or RuntimeError(text)

    def as_element(self, name, path, body):
        return http("POST", self.url + path, body, {"Authorization": "Bearer token-" + name})

    def report(self, icorp, state, **more):
        status, text = self.as_element("ar1", "/v1/elements/ar1/report", {"icorp": icorp, "revision": 1, "state": state, **more})
        if status not in (200, 204):
            check(f"report {state}", False, text)

    def icorps(self):
        return json.loads(http("GET", self.url + "/v1/icorps")[1])["icorps"]


# ---- the browser ----

class Browser:
    def __init__(self):
        port = free_port()
        self.driver = f"http://127.0.0.1:{port}"
        start(shutil.which("chromedriver"), f"--port={port}", "--allowed-ips=127.0.0.1")
        until("chromedriver answers", lambda: http("GET", self.driver + "/status")[0] == 200)
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--disable-dev-shm-usage", "--user-data-dir=" + DIR + "/profile", "--window-size=1280,900"]
        self.session = self.driver + "/session"
        answer = self.call("POST", "", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments, "binary": shutil.which("chromium")}, "unhandledPromptBehavior": "ignore",
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
        self.session += "/" + answer["sessionId"]

    def call(self, method, path, body=None):
        status, text = http(method, self.session + path, body)
        value = json.loads(text)["value"]
        if status != 200:
            raise RuntimeError(str(value["message"] if value else text))
        return value

    def post(self, path, **body):
        return self.call("POST", path, body)

    def cdp(self, command, **params):
        return self.post("/goog/cdp/execute", cmd=command, params=params)

    def go(self, url):
        self.post("/url", url=url)

    def run(self, script, *args):
        return self.post("/execute/sync", script=script, args=list(args))

    def find(self, css):
        return "/element/" + self.post("/element", using="css selector", value=css)[ELEMENT_KEY]

    def text(self, css="main"):
        return self.call("GET", self.find(css) + "/text")

    def type(self, css, text):
        field = self.find(css)
        self.post(field + "/clear")
        self.post(field + "/value", text=text)

    def click(self, css):
        self.post(self.find(css) + "/click")

    def address(self):
        return self.call("GET", "/url")

    def shot(self, name):
        if not SHOTS:
            return
        os.makedirs(SHOTS, exist_ok=True)
        for kind, width, scheme in ("desktop", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light"):
            self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=kind == "phone")
            data = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
            with open(f"{SHOTS}/{name}-{kind}.png", "wb") as f:
                f.write(base64.b64decode(data))
        self.cdp("Emulation.clearDeviceMetricsOverride")
        self.cdp("Emulation.setEmulatedMedia", features=[])


# ---- the story ----

def story_of_one(gk, b):
    b.go(gk.url + "/")
    until("all eight elements are shown", lambda: b.run("return document.querySelectorAll('#elements tbody tr').length") == 8)
    until("the overview says that there is no ICorp", lambda: "There is no ICorp" in b.text())
    until("the map joins all of them", lambda: b.run("return document.querySelectorAll('#map line').length") == 7)
    check("a heartbeat's age is shown", "s ago" in b.text("#elements"))
    check("an adaptor's hostile reason is text", HOSTILE in b.text("#elements"), b.text("#elements"))
    b.run("window.notReloaded = 1")
    b.shot("empty")
    other = http("POST", gk.url + "/v1/icorps", {"name": "other", "class": "silver", "servers": 1, "access": ["ar1"],
                                                  "apps": [{"name": "web"}], "services": [{"name": "web", "port": 81}]})
    check("another client's ICorp is taken", other[0] == 201, other)
    until("it appears without reload", lambda: "other" in b.text("#icorps") and b.run("return window.notReloaded") == 1)
    b.type("#name", "shop")
    b.type("[name=port]", "80")
    b.click("#ask button")
    until("the form leads to the ICorp's page", lambda: "/icorps/" in b.address() or RuntimeError(b.text()))
    icorp = int(b.address().rsplit("/", 1)[1])
    until("its endpoints are shown", lambda: all(e in b.text("#endpoints") for e in ("ar1", "ar2", "srv1", "srv2")))
    b.run("window.notReloaded = 1")
    gk.report(icorp, "signaling")
    until("signaling is shown", lambda: "signaling" in b.text("#facts"))
    grants = [{"element": e, "endpoint": "srv1", "resource": r, "sequence": 3, "outcome": "applied",
               "enforcement": f, "level": l, "reason": w, **u} for e, r, f, l, w, u in (
                   ("srv1", "cpu", "enforced", 1280, "", {"used": 345}),
                   ("r1", "bandwidth", "enforced", 17000000, "", {"used": 4200000}),
                   ("s1", "bandwidth", "best-effort", 17000000, HOSTILE, {}))]
    rest = {"price": {"micro": 1250000, "interval_s": 3600, "currency": "EUR"}, "grants": grants,
            "endpoints": [{"element": e, "up": True, "cpu_permille": 120} for e in ("ar1", "ar2", "srv1", "srv2")]}
    gk.report(icorp, "complete", **rest)
    until("complete is shown without reload", lambda: "complete" in b.text("#facts") and b.run("return window.notReloaded") == 1)
    check("the price is shown", "1.25 EUR/h" in b.text("#facts"), b.text("#facts"))
    check("grants are shown with how they are enforced", all(w in b.text("#grants") for w in ("1280 shares", "17.0 Mbit/s", "best-effort")))
    check("a grant's hostile reason is text", HOSTILE in b.text("#grants"), b.text("#grants"))
    hops = b.run("return [...document.querySelector('.hops').children].map(e => e.firstChild.textContent)")
    check("the path is shown hop by hop", hops == ["ar1", "s1", "r1", "r2", "s2", "srv1"], hops)
    check("the timeline tells it", "signaling → complete" in b.text("#timeline"), b.text("#timeline"))
    used = b.run("return [...document.querySelectorAll('#grants tbody tr')].map(e => e.children[5].textContent)")
    check("what is used of a grant is shown, where it was measured", used == ["34.5 % of a CPU", "4.2 Mbit/s", ""], used)
    check("on the path, too", "4.2 Mbit/s used" in b.text(".hops"), b.text(".hops"))
    told = b.text("#timeline")
    grants[1]["used"] = 5100000
    gk.report(icorp, "complete", **rest)
    until("another use is shown", lambda: "5.1 Mbit/s" in b.text("#grants"))
    check("it is no event", b.text("#timeline") == told, b.text("#timeline"))
    b.shot("icorp")
    b.click("#delete")
    b.post("/alert/accept")
    until("deleting is shown", lambda: "deleting" in b.text("#facts") or "no longer exists" in b.text())
    if any(i["id"] == icorp for i in gk.icorps()):
        gk.report(icorp, "gone")
    until("that it is gone is shown", lambda: "no longer exists" in b.text())


def story_of_a_refusal(gk, b):
    icorp = gk.icorps()[0]["id"]
    b.go(f"{gk.url}/icorps/{icorp}")
    gk.report(icorp, "failed", error={"element": "r2", "code": "admission", "reason": "no capacity " + HOSTILE})
    until("who refused and why is shown, as text", lambda: "Refused by r2: no capacity " + HOSTILE in b.text("#trouble"))
    b.shot("refused")
    b.go(gk.url + "/")
    until("the overview shows it too", lambda: "r2: no capacity " + HOSTILE in b.text("#icorps"))
    b.shot("overview")
    b.type("#name", "x")
    b.run("const f = document.getElementById('ask'); f.noValidate = true; f.elements.name.maxLength = 500;"
          "f.elements.name.value = arguments[0]", HOSTILE)
    b.type("[name=port]", "8081")
    b.click("#ask button")
    until("a hostile name is refused in words", lambda: "Refused." in b.text(".problem"))
    until("what was typed is still there", lambda: b.run("return document.querySelector('[name=port]').value") == "8081")
    check("nothing of it ran", b.run("return document.title") == "ICorps" and
          b.run("return document.querySelectorAll('img').length") == 0)
    b.shot("problem")


def story_without_scripts(gk, b):
    b.cdp("Emulation.setScriptExecutionDisabled", value=True)
    b.go(gk.url + "/")
    check("without scripts the overview has the ICorps", "other" in b.text("#icorps"))
    b.type("#name", "plain")
    b.click("#ask button")
    until("without scripts the form leads to the ICorp's page", lambda: "/icorps/" in b.address() and "plain" in b.text("#facts"))
    check("without scripts the endpoints are there", "srv1" in b.text("#endpoints"))
    b.cdp("Emulation.setScriptExecutionDisabled", value=False)


def look_at_logs(gk, b):
    said = [e for e in b.post("/se/log", type="browser")
            if not (e["source"] == "network" and "status of 400" in e["message"] and "/v1/icorps" in e["message"])]
    check("the console has no error and no policy violation", not said, said)
    urls = set()
    for entry in b.post("/se/log", type="performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            urls.add(message["params"]["request"]["url"])
    elsewhere = [u for u in urls if not u.startswith((gk.url + "/", "data:", "about:", "chrome:"))]
    check("requests were seen, none to another host", urls and not elsewhere, elsewhere or "none seen")


def stop():
    for process in reversed(STARTED):
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    if FAILED:
        for name in sorted(os.listdir(DIR)):
            if name.endswith(".log"):
                with open(os.path.join(DIR, name), errors="replace") as f:
                    print("".join("# " + name + ": " + line for line in f.readlines()[-15:]))
    shutil.rmtree(DIR, ignore_errors=True)


def main():
    browser = None
    try:
        gk = Gatekeeper()
        until("the gatekeeper answers", lambda: http("GET", gk.url + "/v1/status")[0] in (200, 503))
        for name in PORTS:
            answer = gk.register(name)
            if answer is not True:
                raise answer
        browser = Browser()
        for story in story_of_one, story_of_a_refusal, story_without_scripts, look_at_logs:
            story(gk, browser)
    except Exception as e:  # what broke is one more check that failed, with what the daemons said
        check("the story goes on to its end", False, repr(e))
    finally:
        if browser:
            try:
                browser.call("DELETE", "")
            except (OSError, RuntimeError):
                pass
        stop()
    return 1 if FAILED else 0


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
sys.exit(main())
