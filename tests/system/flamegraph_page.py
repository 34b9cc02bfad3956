#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The flame graph's page in a real browser: reading, searching, zooming, and
that names in a profile stay text. Screenshots go to $SCREENSHOTS if set."""

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

from phlare import BUILD, SOURCE, Profile, Tap, scratch

SECONDS = 240  # for everything
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER, ESCAPE, DOWN, UP, RIGHT, BACKSPACE = (
    "\ue007", "\ue00c", "\ue015", "\ue013", "\ue014", "\ue003")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage"]


class Browser:
    """Chromium, driven through chromedriver."""

    def __init__(self, dir_, *flags):
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}))
        # pylint: disable=consider-using-with
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.base = f"http://127.0.0.1:{self.port()}"
        answer = self.call("POST", "/session", {"capabilities": {
            "alwaysMatch": {"goog:chromeOptions": {"args": [
                *FLAGS, f"--user-data-dir={dir_}/browser", *flags]},
                "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.base += f"/session/{answer['sessionId']}"

    def port(self):
        for line in self.driver.stdout:
            found = re.search(r"successfully on port (\d+)", line)
            if found:
                return int(found[1])
        raise RuntimeError("chromedriver does not start")

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data, {"Content-Type": "application/json"},
            method=method)
        try:
            with self.opener.open(request, timeout=60) as r:
                return json.load(r)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError(e.read().decode()) from e

    def open(self, path):
        self.call("POST", "/url", {"url": "file://" + path})

    def run(self, script, *args):
        return self.call("POST", "/execute/sync",
                         {"script": script, "args": list(args)})

    def text(self, id_):
        return self.run("return document.getElementById(arguments[0])"
                        ".textContent", id_)

    def visible(self, id_):
        return self.run("return document.getElementById(arguments[0])"
                        ".getClientRects().length > 0", id_)

    def keys(self, *keys):
        actions = []
        for key in keys:
            actions += [{"type": "keyDown", "value": key},
                        {"type": "keyUp", "value": key}]
        self.call("POST", "/actions", {"actions": [
            {"type": "key", "id": "keyboard", "actions": actions}]})

    def pointer(self, x, y, click=False, kind="mouse"):
        """Moves to a place in the canvas; clicks."""
        left, top = self.run(
            "const r = document.getElementById('canvas')"
            ".getBoundingClientRect(); return [r.left, r.top]")
        press = [{"type": "pointerDown", "button": 0},
                 {"type": "pointerUp", "button": 0}]
        self.call("POST", "/actions", {"actions": [{
            "type": "pointer", "id": kind,
            "parameters": {"pointerType": kind},
            "actions": [{"type": "pointerMove", "duration": 0,
                         "x": int(left + x), "y": int(top + y)}] +
                       (press if click else [])}]})

    def click(self, selector):
        e = self.call("POST", "/element",
                      {"using": "css selector", "value": selector})
        self.call("POST", f"/element/{e[ELEMENT]}/click", {})

    def resize(self, width, height):
        self.call("POST", "/window/rect", {"width": width, "height": height})

    def screenshot(self, name):
        where = os.environ.get("SCREENSHOTS")
        if where:
            with open(f"{where}/{name}.png", "wb") as f:
                f.write(base64.b64decode(self.call("GET", "/screenshot")))

    def complaints(self):
        return [x["message"] for x in
                self.call("POST", "/se/log", {"type": "browser"})]

    def close(self):
        with contextlib.suppress(OSError, RuntimeError):
            self.call("DELETE", "")
        os.killpg(self.driver.pid, signal.SIGKILL)
        self.driver.wait()
        self.driver.stdout.close()


def make(kind, dir_):
    """The paths of a made-up profile and of its page."""
    profile, page = f"{dir_}/{kind}.pb.gz", f"{dir_}/{kind}.html"
    subprocess.run([sys.executable, f"{SOURCE}/tests/pprof_sample.py", kind,
                    profile], check=True)
    subprocess.run([f"{BUILD}/phlare-ebpf", "flamegraph", "-o", page, profile],
                   check=True)
    return profile, page


def share(profile, matches):
    """Of the samples with a name or file that matches, as shown: 12.3%."""
    files = {n: x["mapping"]["file"] for x in profile.locations.values()
             for n in x["names"] if x["mapping"]}
    part = sum(v[0] for names, v, _ in profile.samples
               if any(matches(n) or matches(files.get(n, ""))
                      for n in names))
    return f"{100 * part / profile.total():.1f}%"


def largest_comm(profile):
    sums = {}
    for names, values, _ in profile.samples:
        sums[names[-1]] = sums.get(names[-1], 0) + values[0]
    return max(sums.items(), key=lambda x: x[1])


def heading(tap, b, profile):
    facts = b.text("facts")
    tap.ok("20.60 s" in facts and "2,060" in facts and "100 Hz" in facts and
           "10.00 s" in facts, "the head shows the host's totals", facts)
    tap.ok("captured 1960 of 1960" in b.text("comments"),
           "the head shows the profile's comments", b.text("comments"))
    colors = b.run("""
        const c = document.getElementById('canvas');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height);
        const seen = new Set();
        for (let i = 0; i < d.data.length; i += 4 * 97)
            seen.add(d.data.slice(i, i + 3).join());
        return seen.size;""")
    tap.ok(colors > 20, "the graph is drawn", colors)
    hottest = max({n for n in profile.names()},
                  key=lambda n: (profile.self_of(n), n))
    tap.ok(hottest in b.text("rows"), "the hottest function is in the table",
           hottest)


def pointing(tap, b, profile):
    name, value = largest_comm(profile)
    part = f"{100 * value / profile.total():.1f}%"
    b.pointer(30, 30)
    tip = b.text("tip")
    tap.ok(b.visible("tip") and tip.startswith(name) and part in tip and
           f"{value / 1e9:.2f} s" in tip and
           f"{value // profile.period} samples" in tip,
           "hovering tells name, share, time and samples", tip)
    tap.ok("Of the caller" + part in tip, "and the share of the caller", tip)
    b.screenshot("hover")
    b.pointer(30, 30, click=True)
    crumbs = b.text("crumbs")
    tap.ok(crumbs == f"all\u203a{name}", "a click zooms in", crumbs)
    b.pointer(30, 50)
    tap.ok("Of this view" in b.text("tip"),
           "zoomed, the share of the view is told", b.text("tip"))
    b.screenshot("zoom")
    b.keys(ESCAPE)
    tap.ok(b.text("crumbs") == "all", "Escape zooms out", b.text("crumbs"))
    b.pointer(30, 72, click=True)
    b.click("#reset")
    tap.ok(b.text("crumbs") == "all", "so does the button")
    b.pointer(30, 72, click=True)
    b.click("#crumbs button:nth-of-type(2)")
    tap.ok(b.text("crumbs") == f"all\u203a{name}",
           "a crumb zooms out to its frame", b.text("crumbs"))
    b.pointer(30, 8, click=True)
    tap.ok(b.text("crumbs") == "all", "so does a click on a frame above")


def touching(tap, b, profile):
    name, _ = largest_comm(profile)
    b.pointer(30, 30, click=True, kind="touch")
    detail = b.text("detail-text")
    tap.ok(b.text("crumbs") == "all" and detail.startswith(name) and
           "samples" in detail, "a tap tells", detail)
    b.pointer(30, 30, click=True, kind="touch")
    tap.ok(b.text("crumbs") == f"all\u203a{name}", "a second tap zooms",
           b.text("crumbs"))
    b.keys(ESCAPE)


def keyboard(tap, b, profile):
    name, _ = largest_comm(profile)
    b.run("document.getElementById('canvas').focus()")
    b.keys(ESCAPE, DOWN, DOWN)
    tap.ok(b.text("live").startswith(name + ". total "),
           "arrows select and tell", b.text("live"))
    b.keys(RIGHT)
    second = b.text("live").partition(".")[0]
    tap.ok(second not in ("", name), "to the side as well", second)
    b.keys(ENTER)
    tap.ok(b.text("crumbs") == f"all\u203a{second}", "Enter zooms in",
           b.text("crumbs"))
    b.keys(BACKSPACE)
    tap.ok(b.text("crumbs") == "all", "Backspace goes one level back")
    b.keys("/")
    tap.ok(b.run("return document.activeElement.id") == "search",
           "/ goes to the search")


def searching(tap, b, profile):
    b.click("#search")
    b.keys(*"HEAP_getnext")
    matched = b.text("matched")
    want = share(profile, lambda n: "heap_getnext" in n.lower())
    tap.ok(want in matched and "1 function" in matched,
           "search shows the share that matches", f"{matched}, not {want}")
    b.screenshot("search")
    rows = b.run("return document.getElementById('rows').rows.length")
    tap.ok(rows == 1, "the table shows what matches", rows)
    b.keys(ENTER)
    tap.ok(b.text("live").startswith("heap_getnext."),
           "Enter goes to the match", b.text("live"))
    b.keys(ESCAPE, *"_PyEval_Eval")
    want = share(profile, lambda n: "_pyeval_eval" in n.lower())
    tap.ok(want in b.text("matched"), "recursion is matched once",
           f"{b.text('matched')}, not {want}")
    b.keys(ESCAPE, *".*")
    tap.ok(b.text("matched") == "no match", "it is no regular expression",
           b.text("matched"))
    b.keys(ESCAPE)
    tap.ok(b.text("matched") == "", "Escape ends the search")


def controls(tap, b):
    b.click("#legend button:nth-child(1)")
    tap.ok(b.run("return document.querySelector('#legend button').ariaPressed")
           == "true" and "kernel" in b.text("legend"),
           "the legend names the kernel and can be pressed")
    b.screenshot("legend")
    b.click("#legend button:nth-child(1)")
    b.click("#flip")
    b.run("const g = document.getElementById('graph'); g.scrollTop = 1e6;"
          "g.scrollIntoView({ block: 'end' })")
    height = b.run("return document.getElementById('canvas').clientHeight")
    b.pointer(30, height - 8)
    tap.ok(b.text("tip").startswith("all"), "the root can be at the bottom",
           b.text("tip"))
    b.screenshot("flipped")
    b.click("#flip")
    first = "return document.querySelector('#rows tr').textContent"
    before = b.run(first)
    b.click("#table button[data-sort=total]")
    tap.ok(b.run(first) != before, "the table can be sorted", b.run(first))
    b.run("document.querySelector('#table button[data-sort=self]').click()")
    b.click("#rows tr:nth-child(1) td:nth-child(3) button")
    tap.ok(b.text("matched").startswith("matched "),
           "a function in the table can be shown in the graph",
           b.text("matched"))
    b.run("document.getElementById('search').focus()")
    b.keys(ESCAPE)


def sizes(tap, b):
    for width, height in ((1500, 1000), (700, 900), (500, 900)):
        b.resize(width, height)
        wide = b.run("return document.documentElement.scrollWidth - "
                     "window.innerWidth")
        tap.ok(wide <= 0, f"{width} pixels are wide enough", wide)
        b.screenshot(f"width-{width}")
    b.resize(1400, 1000)


def isolation(tap, b):
    loaded = b.run("return performance.getEntriesByType('resource').length")
    tap.ok(loaded == 0, "nothing is loaded", loaded)
    b.run("const s = document.createElement('script');"
          "s.textContent = 'window.owned = 1'; document.body.append(s);"
          "s.remove();")
    tap.ok(b.run("return window.owned === undefined"),
           "the policy stops a script that is not the page's own")
    b.complaints()


def hostile(tap, b, page):
    b.open(page)
    title = b.run("return document.title")
    tap.ok(title == "hostile.pb.gz - flame graph - phlare-ebpf",
           "the title is the file's", title)
    counts = b.run("return ['script', 'style', 'img'].map("
                   "(t) => document.querySelectorAll(t).length)")
    tap.ok(counts == [2, 1, 0], "names add no element", counts)
    rows = b.text("rows")
    tap.ok("</script><script>document.title='owned'</script>\\x1b[31m" in rows
           and "\\xff\\xfe" in rows and "\\u202eevil" in rows and
           "&lt;b>" in rows, "names are shown as text", rows)
    tap.ok("<!-- <img src=x onerror=alert(1)>" in b.text("comments"),
           "comments are shown as text", b.text("comments"))
    b.pointer(30, 30)
    tap.ok(b.text("tip").startswith("\\xff\\xfe"), "so is the tip",
           b.text("tip"))
    b.pointer(30, 50, click=True)
    tap.ok("</script>" in b.text("crumbs"), "so are the crumbs",
           b.text("crumbs"))
    b.click("#search")
    b.keys(*"</script>")
    tap.ok("60.0%" in b.text("matched"), "they can be searched",
           b.text("matched"))
    tap.ok(b.run("return document.title") == title and
           b.run("return document.querySelectorAll('script').length") == 2,
           "nothing of it was run")
    b.screenshot("hostile")


def large(tap, b, page):
    start = time.monotonic()
    b.open(page)
    loaded = time.monotonic() - start
    nodes = b.run("return JSON.parse(document.getElementById('data')"
                  ".textContent).nodes.length / 4")
    drawn = b.run("const t = performance.now();"
                  "window.dispatchEvent(new Event('resize'));"
                  "return performance.now() - t")
    b.click("#search")
    b.keys("7")
    searched = b.run(
        "const s = document.getElementById('search'); s.value = 'function_1';"
        "const t = performance.now(); s.dispatchEvent(new Event('input'));"
        "return performance.now() - t")
    tap.ok(nodes == 50000, "a large profile is cut to 50 000 nodes", nodes)
    tap.ok(loaded < 10 and drawn < 300 and searched < 500,
           f"50 000 nodes: {loaded:.2f} s to load, {drawn:.0f} ms to lay out "
           f"and draw, {searched:.0f} ms to search")
    tap.ok("are left out of the graph" in b.text("comments"),
           "it says that frames are left out", b.text("comments"))
    b.screenshot("large")


def pages(tap, b, dir_):
    path, page = make("host", dir_)
    with open(path, "rb") as f:
        profile = Profile(f.read())
    b.resize(1400, 1000)
    b.open(page)
    heading(tap, b, profile)
    pointing(tap, b, profile)
    touching(tap, b, profile)
    keyboard(tap, b, profile)
    searching(tap, b, profile)
    controls(tap, b)
    sizes(tap, b)
    tap.ok(b.complaints() == [], "the console is empty", b.complaints())
    isolation(tap, b)
    hostile(tap, b, make("hostile", dir_)[1])
    large(tap, b, make("wide", dir_)[1])
    b.open(make("empty", dir_)[1])
    tap.ok(b.visible("nothing") and not b.visible("main"),
           "a profile without samples says so")
    tap.ok(b.complaints() == [], "the console is still empty", b.complaints())


def main():
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            print(f"1..0 # SKIP needs {program}")
            return
    signal.alarm(SECONDS)
    tap = Tap()
    with scratch() as dir_:
        browser = Browser(dir_)
        try:
            pages(tap, browser, dir_)
        finally:
            browser.close()
        dark = Browser(f"{dir_}/dark",
                       "--blink-settings=preferredColorScheme=0")
        try:
            dark.resize(1400, 1000)
            dark.open(f"{dir_}/host.html")
            background = dark.run(
                "return getComputedStyle(document.body).backgroundColor")
            tap.ok(background == "rgb(20, 23, 28)", "it is dark where that is "
                   "preferred", background)
            dark.screenshot("dark")
        finally:
            dark.close()
    tap.done()


if __name__ == "__main__":
    main()
