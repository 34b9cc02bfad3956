#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A new configuration takes effect and loses no sample; a bad one changes
nothing."""

import os
import signal
import time
import urllib.error
import urllib.request

from accounts import (AccountedRun, Load, coverage, covered, profiles_of,
                      pushed, series_of, tolerance)
from phlare import PushServer, Tap, need_root, push_config, wait_until

# Seconds without samples: what a message needs from one sampler's start to the
# other's end. And seconds with twice as many while one component takes the
# place of another: what it does is worked on to the end.
GAP, TWICE = 0.05, 2.5
TAKEOVER = 5  # seconds that one stays for another
RATE = 100  # the default
SECOND = """phlare.ebpf "second" {
  forward_to       = [phlare.write.w.receiver]
  collect_interval = "700ms"
}
"""


def write(run, text):
    with open(run.config, "w", encoding="utf-8") as f:
        f.write(text)


def reload(run, text):
    """True once it is said that it is in force."""
    before = run.log().count("config: reloaded")
    write(run, text)
    run.process.send_signal(signal.SIGHUP)
    return wait_until("reload", lambda: run.log().count("config: reloaded") >
                      before, 5)


def steps(first, second):
    """What is changed, one after the other."""
    plain = lambda **more: push_config(first.url, **{"interval": "1s",
                                                     **more})
    renamed = plain().replace('phlare.ebpf "e"', 'phlare.ebpf "f"')
    return (
        ("interval", plain(interval="400ms")),
        ("caches", plain(extra_ebpf="pid_cache_size = 3\n"
                         "elf_cache_size = 2")),
        ("targets", plain(extra_ebpf="targets = [{__process_pid__ = "
                          '"1", service_name = "init"}]')),
        ("endpoint", push_config(second.url, interval="1s")),
        ("component added", plain() + SECOND),
        ("component removed", plain()),
        ("component renamed", renamed),
        ("and back", plain()),
        ("long interval", plain(interval="10m")),
    )


def everything(tap):
    """One load, one rate: all its CPU time arrives, over all changes."""
    first, second = PushServer(), PushServer()
    with AccountedRun(push_config(first.url, interval="1s")) as run:
        pids = run.pids()
        start = time.time()
        with Load(diary=True) as load:
            for name, text in steps(first, second):
                time.sleep(1.5)
                tap.ok(reload(run, text), f"{name}: in force",
                       run.log()[-2000:])
            time.sleep(1.5)
            load.end()
            end = time.time()
        tap.ok({k: run.pids()[k] for k in ("listener", "symbolizer",
                                           "shipper")} ==
               {k: pids[k] for k in ("listener", "symbolizer", "shipper")},
               "nothing was started again", run.log()[-2000:])
        status = run.stop()
        account = run.account()
    tap.ok(status == 0, "it ends well", run.log_text())
    tap.ok(not account.all_open(), "the ledger closes",
           "\n".join(account.all_open()) + "\n" + account.text())
    tap.ok(not account.losses(), "no sample was lost", account.text())
    tap.ok(second.pushes, "the other endpoint got its share")
    got = pushed(first) + pushed(second)
    tap.ok(got == account["samples_delivered"],
           "every delivered sample was pushed once",
           (got, account["samples_delivered"]))
    tap.ok(set(account.components()) >= {f"phlare.ebpf.{x}"
                                         for x in ("e", "f", "second")},
           "each component has its account", account.components())
    all_arrives(tap, load, account, (first, second), (start, end))
    first.stop()
    second.stop()


def all_arrives(tap, load, account, servers, time_of_load):
    """But for what ran while one component took another's place, twice."""
    # the second component saw the same load: it is not counted here
    other = "phlare.ebpf.second"
    profiles = [p for x in servers for p in profiles_of(x, other)]
    gap, twice = coverage(profiles, *time_of_load)
    detail = f"{gap:.2f} s without a sampler, {twice:.2f} s with two"
    tap.ok(gap <= 2 * GAP and twice <= 2 * TWICE,
           "another component takes over soon, and the first stays for it",
           detail)
    tap.note(detail)
    expected = RATE * covered(profiles)
    got = sum(pushed(x, without=other) for x in servers)
    idle = sum(account[f"component/{x}/samples_idle"]
               for x in account.components() if x != other)
    off, may = got + idle - expected, 0.01 * expected + 10
    tap.ok(-may - RATE * load.stolen <= off <= may,
           f"no moment is missing: {got} samples and {idle} idle ones of "
           f"{expected:.0f}, {load.stolen:.2f} s stolen")
    used = load.used_in(profiles)
    spin = sum(pushed(x, "spin", without=other) for x in servers)
    tap.ok(load.agrees(spin, RATE, used), f"the load has its share: {spin} "
           f"samples of {used:.2f} s of CPU time while there was a sampler, "
           f"{load.stolen:.2f} s stolen")


def renamed(config, name):
    return config.replace('phlare.ebpf "e"', f'phlare.ebpf "{name}"')


def none_to_take_over(tap):
    """One that gets no sampler keeps the one before for some seconds only,
    also when yet another is wanted meanwhile."""
    server = PushServer()
    config = push_config(server.url, interval="500ms")
    came = lambda x: series_of(server, f"phlare.ebpf.{x}")
    with Load(), AccountedRun(config) as run:
        wait_until("pushes", lambda: came("e") > 0, 10)
        listener = run.pids()["listener"]
        os.kill(listener, signal.SIGSTOP)
        try:
            done = time.monotonic()
            tap.ok(reload(run, renamed(config, "f")), "no sampler: in force")
            before = came("e")
            tap.ok(wait_until("pushes", lambda: came("e") > before + 2, 4),
                   "no sampler: the component before stays for it")
            tap.ok(reload(run, renamed(config, "g")), "no sampler: again")
            time.sleep(max(0.0, done + TAKEOVER + 3 - time.monotonic()))
            before = came("e")
            time.sleep(2)
            tap.ok(came("e") == before and came("f") + came("g") == 0,
                   "no sampler: but not for ever", run.log()[-1000:])
        finally:
            os.kill(listener, signal.SIGCONT)
        tap.ok(wait_until("pushes", lambda: came("g") > 1, 10) and
               came("f") == 0 and came("e") == before,
               "no sampler: once it has one it samples", run.log()[-1000:])
        status = run.stop()
        account = run.account()
    tap.ok(status == 0 and not account.all_open() and not account.losses(),
           "no sampler: nothing is lost", account.text())
    server.stop()


def stopped_meanwhile(tap):
    """Between a reload and the change of samplers that it makes."""
    server = PushServer()
    config = push_config(server.url, interval="500ms")
    for wait in 0, 0.1, 0.4:
        with Load(), AccountedRun(config) as run:
            reload(run, renamed(config, "f"))
            time.sleep(wait)
            status = run.stop()
            account = run.account()
        tap.ok(status == 0 and not account.all_open() and
               not account.losses() and account["samples_delivered"] > 0,
               f"stopped {wait} s after a reload: nothing is lost",
               (status, account.all_open(), account.text()))
    server.stop()


def rate(tap):
    """Samples of each rate count what their period says."""
    server = PushServer()
    with AccountedRun(push_config(server.url, interval="1s")) as run:
        with Load() as load:
            for hz in (500, 50, 100):
                time.sleep(2)
                tap.ok(reload(run, push_config(server.url, interval="1s",
                                               rate=hz)), f"{hz} Hz")
            time.sleep(2)
            used = load.end()
        status = run.stop()
        account = run.account()
    periods = {p.period for p in server.profiles()}
    seconds = sum(v[0] for p in server.profiles()
                  for _, v, _ in p.of_comm("spin")) / 1e9
    tap.ok(status == 0 and not account.all_open() and not account.losses(),
           "rates: the ledger closes and nothing is lost", account.text())
    tap.ok(periods == {10000000, 2000000, 20000000}, "rates: each was used",
           periods)
    may = tolerance(60 * used, load.share) / 60 + 0.04 * used
    tap.ok(-may <= seconds - used <= may + load.stolen,
           f"rates: {seconds:.2f} s sampled of {used:.2f} s, "
           f"{load.stolen:.2f} s stolen")
    share = 100 * account["ticks_unexplained"] / account["ticks_expected"]
    tap.ok(share <= 1, f"rates: {share:.2f} % of the clock is unexplained",
           account.text())
    server.stop()


def bad_ones(tap):
    server = PushServer()
    good = push_config(server.url, interval="500ms")
    with Load(), AccountedRun(good) as run:
        for text in ("nonsense {", good.replace("[phlare.write.w.receiver]",
                                                "[phlare.write.x.receiver]"),
                     good.replace("sample_rate", "simple_rate")):
            before = run.log().count("the configuration before it stays")
            count = len(server.pushes)
            write(run, text)
            run.process.send_signal(signal.SIGHUP)
            tap.ok(wait_until("said", lambda: run.log().count(
                "the configuration before it stays") > before, 5) and
                "config.river:" in run.log(), "a bad one is reported",
                run.log()[-1000:])
            tap.ok(wait_until("pushes", lambda: len(server.pushes) >
                              count + 2, 6), "the old one stays in force")
        tap.ok(reload(run, good), "a good one is taken again")
        status = run.stop()
        account = run.account()
    tap.ok(status == 0 and not account.all_open() and not account.losses(),
           "bad ones: nothing is lost", account.text())
    server.stop()


def ask(run, path, method="GET"):
    """(status, text)"""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(
        f"http://127.0.0.1:{run.port}{path}", method=method,
        data=b"" if method == "POST" else None)
    try:
        with opener.open(request, timeout=5) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def by_http(tap):
    first, second = PushServer(), PushServer()
    with Load(), AccountedRun(push_config(first.url,
                                          interval="500ms")) as run:
        tap.ok(ask(run, "/-/ready") == (200, "Agent is Ready.\n"),
               "/-/ready", ask(run, "/-/ready"))
        for method, server in (("GET", second), ("POST", first)):
            write(run, push_config(server.url, interval="500ms"))
            count = len(server.pushes)
            answer = ask(run, "/-/reload", method)
            tap.ok(answer == (200, "config reloaded\n") and
                   wait_until("pushes", lambda s=server, c=count:
                              len(s.pushes) > c, 6),
                   f"/-/reload by {method}", answer)
        write(run, "nonsense {")
        status, text = ask(run, "/-/reload", "POST")
        tap.ok(status == 400 and text.startswith(
            f'reading config file "{run.config}": {run.config}:1:') and
            text.count("\n") == 1, "/-/reload of a bad one: 400 and where",
            (status, text))
        count = len(first.pushes)
        tap.ok(wait_until("pushes", lambda: len(first.pushes) > count + 1,
                          6), "/-/reload of a bad one changes nothing")
        tap.ok(ask(run, "/-/reload", "HEAD")[0] == 405 and
               ask(run, "/metrics", "POST")[0] == 405,
               "other methods are refused")
        write(run, push_config(first.url, interval="500ms"))
        ask(run, "/-/reload")
        status = run.stop()
        account = run.account()
    tap.ok(status == 0 and not account.all_open() and not account.losses(),
           "by http: nothing is lost", account.text())
    first.stop()
    second.stop()


def main():
    need_root()
    tap = Tap()
    everything(tap)
    none_to_take_over(tap)
    stopped_meanwhile(tap)
    rate(tap)
    bad_ones(tap)
    by_http(tap)
    tap.done()


if __name__ == "__main__":
    main()
