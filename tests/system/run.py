#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""phlare-ebpf run: starting, starting again, stopping, and leaving nothing."""

import glob
import os
import pwd
import signal
import stat
import subprocess
import time

from accounts import Load, pushed
from phlare import (BUILD, PushServer, Run, Tap, User, alive, descendants,
                    need_root, processes, push_config, scratch, status_of,
                    wait_until)

PHLARE = f"{BUILD}/phlare-ebpf"
SPIN = f"{BUILD}/tests/targets/spin"
ROLES = ("listener", "sampler", "opener", "symbolizer", "shipper")


def run_dirs():
    return set(glob.glob("/run/phlare-ebpf-*"))


def family(run):
    """All processes of a run, the supervisor included."""
    return [run.process.pid] + descendants(run.process.pid)


def gone(pids):
    return not any(alive(pid) for pid in pids)


def samples_pushed(server):
    return sum(p.count() for p in server.profiles())


def own_uids(run):
    return {role: int(status_of(pid)["Uid"].split()[0])
            for role, pid in run.pids().items() if role in ROLES}


def starts_apart(tap, run):
    uids = own_uids(run)
    tap.ok(set(uids) == set(ROLES), "all parts run", run.log())
    tap.ok(0 not in uids.values() and
           len({uids["listener"], uids["symbolizer"], uids["shipper"]}) == 3,
           "each program has an id of its own", uids)
    tap.ok(uids["listener"] == uids["sampler"] == uids["opener"],
           "the listener's children share its id", uids)
    base = f"/run/phlare-ebpf-{run.process.pid}"
    modes = {name: os.stat(f"{base}/{name}.sock")
             for name in ("collector", "opener", "shipper")}
    tap.ok(all(stat.S_ISSOCK(s.st_mode) and s.st_mode & 0o777 == 0o600 and
               s.st_uid == uids["symbolizer"] for s in modes.values()),
           "only the symbolizer may connect", modes)
    top = os.stat(base)
    tap.ok(top.st_uid == 0 and top.st_mode & 0o777 == 0o711,
           "the directory is root's", oct(top.st_mode))


def survives_kills(tap, run, server):
    """Each part in turn is killed: it comes back, the others live."""
    for role in ROLES:
        before = run.pids()
        os.kill(before[role], signal.SIGKILL)
        killed = time.monotonic()
        # the listener's children go and come with it, and with their client
        with_it = {role}
        if role in ("listener", "symbolizer"):
            with_it |= {"sampler", "opener"}
        back = wait_until("back", lambda: run.sampling() and all(
            run.pids().get(r) not in (None, before[r]) for r in with_it), 5)
        tap.ok(back, f"{role}: back after {time.monotonic() - killed:.1f} s",
               run.log()[-2000:])
        after = run.pids()
        same = [r for r in ROLES if r not in with_it]
        tap.ok(all(after.get(r) == before[r] for r in same),
               f"{role}: the others lived on", (before, after))
        count = len(server.pushes)
        tap.ok(wait_until("pushes", lambda: len(server.pushes) > count + 1,
                          6), f"{role}: profiles are pushed again",
               run.log()[-2000:])
        ours = [p for p in descendants(run.process.pid) if alive(p)]
        # janitor and five parts; file readers come and go
        tap.ok(wait_until("no stale child", lambda: len(
            [p for p in ours if alive(p)]) <= 6, 5),
            f"{role}: no stale child", ours)


def stops_cleanly(tap, run):
    pids = family(run)
    status = run.stop()
    tap.ok(status == 0, "SIGTERM: exit status 0", (status, run.log()[-2000:]))
    tap.ok(gone(pids), "no process is left", [p for p in pids if alive(p)])
    tap.ok(f"/run/phlare-ebpf-{run.process.pid}" not in run_dirs(),
           "no directory is left", run_dirs())


def whole_life(tap):
    server = PushServer()
    with processes([SPIN]), Run(push_config(server.url,
                                            interval="1s")) as run:
        starts_apart(tap, run)
        survives_kills(tap, run, server)
        stops_cleanly(tap, run)
    server.stop()


def delivers_the_last_interval(tap):
    server = PushServer()
    with Run(push_config(server.url, interval="10m")) as run, \
            Load() as load:
        time.sleep(3)
        tap.ok(not server.pushes, "nothing is pushed before its time")
        used = load.end()
        run.process.send_signal(signal.SIGINT)
        status = run.process.wait(timeout=20)
        log = run.log()
    got = pushed(server, "spin")
    tap.ok(status == 0, "stopping within an interval succeeds", log)
    tap.ok(load.agrees(got), f"the last interval is delivered: {got} samples "
           f"of {used:.2f} s, {load.stolen:.2f} s stolen")
    server.stop()


def reloads(tap):
    first, second = PushServer(), PushServer()
    with processes([SPIN]), Run(push_config(first.url,
                                            interval="1s")) as run:
        wait_until("pushes", lambda: first.pushes)
        before = run.pids()
        with open(run.config, "w", encoding="utf-8") as f:
            f.write(push_config(second.url, interval="1s"))
        run.process.send_signal(signal.SIGHUP)
        tap.ok(wait_until("pushes", lambda: second.pushes, 6),
               "SIGHUP: profiles go where the new configuration says",
               run.log())
        tap.ok(run.pids() == before, "SIGHUP: nothing was started again",
               (before, run.pids()))
        with open(run.config, "w", encoding="utf-8") as f:
            f.write("nonsense {")
        run.process.send_signal(signal.SIGHUP)
        count = len(second.pushes)
        tap.ok(wait_until("pushes", lambda: len(second.pushes) > count + 1,
                          6) and run.pids() == before,
               "SIGHUP: a bad configuration changes nothing", run.log())
        tap.ok("config.river:1:" in run.log(), "SIGHUP: and is reported",
               run.log())
    first.stop()
    second.stop()


def second_signal_stops_at_once(tap):
    hang = PushServer(lambda n: time.sleep(60) or (200, {}, b""))
    with processes([SPIN]), Run(push_config(hang.url, interval="1s")) as run:
        wait_until("a push", lambda: hang.requests > 0)
        pids = family(run)
        start = time.monotonic()
        run.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        still = run.process.poll() is None
        run.process.send_signal(signal.SIGINT)
        status = run.process.wait(timeout=10)
        took = time.monotonic() - start
    tap.ok(still and status == 1 and took < 3,
           f"the second signal ends it after {took:.1f} s", (still, status))
    tap.ok(gone(pids) and not run_dirs(), "and leaves nothing", run_dirs())
    hang.stop()


def dies_with_its_supervisor(tap):
    server = PushServer()
    with Run(push_config(server.url, interval="1s")) as run:
        pids = family(run)
        run.process.kill()
        run.process.wait()
        base = f"/run/phlare-ebpf-{run.process.pid}"
        tap.ok(wait_until("gone", lambda: gone(pids) and
                          not os.path.exists(base), 2),
               "kill -9 of the supervisor leaves nothing within 2 s",
               ([p for p in pids if alive(p)], run_dirs()))
    server.stop()


def two_at_once(tap):
    server = PushServer()
    with Run(push_config(server.url)) as one, \
            Run(push_config(server.url)) as two:
        a, b = own_uids(one), own_uids(two)
        accounts = {u.pw_name for u in pwd.getpwall()}
        shared = set(a.values()) & set(b.values())
        tap.ok(one.sampling() and two.sampling(), "two runs at once sample",
               one.log() + two.log())
        tap.ok("phlare-collector" in accounts or not shared,
               "and have different ids", (a, b))
    server.stop()


def stale_directories_go(tap):
    dead = subprocess.run(["true"], check=True) and os.fork()
    if dead == 0:
        os._exit(0)
    os.waitpid(dead, 0)
    stale = f"/run/phlare-ebpf-{dead}"
    os.mkdir(stale)
    os.mkdir(f"{stale}/scratch")
    server = PushServer()
    with Run(push_config(server.url)):
        tap.ok(not os.path.exists(stale),
               "what a killed one left is removed by the next")
    server.stop()


def refused(*arguments, program=PHLARE, **options):
    """(exit status, standard error)"""
    r = subprocess.run([program, "run", *arguments], capture_output=True,
                       timeout=20, check=False, **options)
    return r.returncode, r.stderr.decode()


def bad_input(tap, dir_):
    user = User(dir_)
    nobody = {"program": user.phlare, **user.options()}
    bad = f"{dir_}/bad.river"
    with open(bad, "w", encoding="utf-8") as f:
        f.write('phlare.write "w" {\n  endpoint {\n    url = 3 +\n  }\n}\n')
    table = (
        ("no configuration", (), {}, 2, "CONFIG"),
        ("two configurations", (bad, bad), {}, 2, "CONFIG"),
        ("an unknown option", ("--bogus", bad), {}, 2, "--bogus"),
        ("a bad sandbox", ("--sandbox=off", bad), {}, 2, "off"),
        ("a missing file", (f"{dir_}/none",), {}, 1, f"{dir_}/none"),
        ("not root", (bad,), nobody, 1, "root"),
    )
    for name, arguments, options, want, word in table:
        status, text = refused(*arguments, **options)
        tap.ok(status == want and word in text and text.count("\n") == 1,
               f"{name}: one clear line", (status, text))
    wait_until("the last one is tidied up", lambda: not run_dirs(), 5)
    before = run_dirs()
    start = time.monotonic()
    status, text = refused("--listen", "none", bad)
    tap.ok(status == 1 and "bad.river:4:3: expected expression" in text and
           time.monotonic() - start < 3,
           "a bad configuration ends it with the place of the error",
           (status, text))
    tap.ok(wait_until("gone", lambda: run_dirs() <= before, 5),
           "and leaves no directory", run_dirs())


def main():
    need_root()
    tap = Tap()
    with scratch() as dir_:
        bad_input(tap, dir_)
    whole_life(tap)
    delivers_the_last_interval(tap)
    reloads(tap)
    second_signal_stops_at_once(tap)
    dies_with_its_supervisor(tap)
    two_at_once(tap)
    stale_directories_go(tap)
    tap.done()


if __name__ == "__main__":
    main()
