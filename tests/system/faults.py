#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults: each part is killed, and each hangs, while run pushes. The others
live, service resumes, no child stays, and what it cost is what the ledger
says: measured by the CPU time of the load."""

import contextlib
import os
import signal
import time

from accounts import CPUS, AccountedRun, Load, chance, pushed
from phlare import (PushServer, Tap, alive, children_of, descendants,
                    need_root, push_config, wait_until)

ROLES = ("listener", "sampler", "opener", "symbolizer", "shipper")
RATE = 200


def with_it(role):
    """What goes and comes with a part: it is somebody's child or server."""
    if role in ("listener", "symbolizer"):
        return {role, "sampler", "opener"}
    return {role}


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="latin-1") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def is_back(run, before, role):
    now = run.pids()
    return set(ROLES) <= set(now) and all(
        now[r] != before[r] for r in with_it(role))


def pushes_again(server, seconds):
    count = len(server.pushes)
    return wait_until("pushes", lambda: len(server.pushes) > count + 1,
                      seconds)


def no_stale_child(run):
    """The janitor and five parts; file readers come and go."""
    return wait_until("children", lambda: len(
        [p for p in descendants(run.process.pid) if alive(p)]) <= 6, 5)


def kill_one(tap, run, server, role):
    before = run.pids()
    start = time.monotonic()
    os.kill(before[role], signal.SIGKILL)
    back = wait_until("back", lambda: is_back(run, before, role), 5)
    again = pushes_again(server, 5)
    tap.ok(back and again, f"kill {role}: service resumes after "
           f"{time.monotonic() - start:.1f} s", run.log()[-2000:])
    now = run.pids()
    others = [r for r in ROLES if r not in with_it(role)]
    tap.ok(all(now.get(r) == before[r] for r in others),
           f"kill {role}: the others live on", (before, now))
    tap.ok(no_stale_child(run), f"kill {role}: no stale child",
           descendants(run.process.pid))


def counted_loss(account):
    """Of the load: its share of what was lost on a host that does little
    else is its share of what was delivered."""
    return account.lost_samples() + account["ticks_down"]


def judge(tap, name, server, account, load):
    """The ledger's loss against the CPU time that was not delivered."""
    got, all_got = pushed(server, "spin"), pushed(server)
    share = got / max(all_got, 1)
    used = load.seconds
    missing = used * RATE - got
    may_differ = 0.1 * missing + chance(used * RATE, load.share)
    counted = counted_loss(account) * share
    tap.note(f"{name}: {used:.1f} s of CPU time (a share of "
             f"{load.share:.2f}), {load.stolen:.2f} s stolen, {got} samples "
             f"of it delivered, {missing:.0f} missing, {counted:.0f} counted")
    # what was stolen is not in the time, but may be in samples
    tap.ok(missing > 200 and -may_differ <= counted - missing <=
           may_differ + RATE * load.stolen,
           f"{name}: the counted loss is within 10 % of the load's own CPU "
           f"time ({100 * (counted - missing) / max(missing, 1):+.1f} %)",
           account.text())
    tap.ok(not account.all_open(), f"{name}: the ledger closes",
           "\n".join(account.all_open()) + "\n" + account.text())


def killed_in_turn(tap):
    """Late in an interval, so that there is something to lose."""
    name = "each part killed"
    server = PushServer()
    with AccountedRun(push_config(server.url, interval="1s",
                                  rate=RATE)) as run:
        with Load() as load:
            pushes_again(server, 10)
            for role in ROLES + ROLES:
                time.sleep(0.9)
                kill_one(tap, run, server, role)
            load.end()
        status = run.stop(40)
        account = run.account()
    tap.ok(status == 0, f"{name}: it ends well", run.log_text())
    judge(tap, name, server, account, load)
    server.stop()


def hang_one(tap, run, server, role, seconds):
    """It stops for a while and goes on."""
    pid = run.pids()[role]
    others = {r: p for r, p in run.pids().items()
              if r not in with_it(role) | {"sampler", "opener"}}
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    largest = max(rss_kb(p) for p in others.values() if alive(p))
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGCONT)
    again = pushes_again(server, 15)
    tap.ok(again and wait_until("whole", run.sampling, 10),
           f"hang {role}: service resumes", run.log()[-2000:])
    tap.ok(all(alive(p) for p in others.values()),
           f"hang {role}: the others live on", others)
    tap.ok(largest < 400_000, f"hang {role}: memory stays bounded "
           f"({largest} kB)")
    tap.ok(no_stale_child(run), f"hang {role}: no stale child",
           descendants(run.process.pid))


def hangs_in_turn(tap):
    name = "each part hung"
    server = PushServer()
    with Load(), AccountedRun(push_config(server.url, interval="300ms",
                                          rate=RATE)) as run:
        pushes_again(server, 10)
        for role in ROLES:
            hang_one(tap, run, server, role, 3)
        status = run.stop(40)
        account = run.account()
    tap.ok(status == 0, f"{name}: it ends well", run.log_text())
    tap.ok(not account.all_open(), f"{name}: the ledger closes",
           "\n".join(account.all_open()) + "\n" + account.text())
    server.stop()


def hangs_for_good(tap, role, seconds):
    """A part that never goes on is replaced by whoever needs it."""
    server = PushServer()
    with Load(), AccountedRun(push_config(server.url, interval="500ms",
                                          rate=RATE)) as run:
        pushes_again(server, 10)
        pid = run.pids()[role]
        listener = run.pids()["listener"]
        os.kill(pid, signal.SIGSTOP)
        gone = wait_until("gone", lambda: pid not in children_of(listener),
                          seconds)
        tap.ok(gone, f"a {role} that hangs for good is replaced",
               run.log()[-2000:])
        tap.ok(pushes_again(server, 10),
               f"a {role} that hangs for good: service resumes",
               run.log()[-2000:])
        status = run.stop(40)
        account = run.account()
    tap.ok(status == 0 and not account.all_open(),
           f"a {role} that hangs for good: the ledger closes",
           "\n".join(account.all_open()) + "\n" + account.text())
    server.stop()


def main():
    need_root()
    tap = Tap()
    tap.note(f"{len(CPUS)} CPUs")
    killed_in_turn(tap)
    hangs_in_turn(tap)
    hangs_for_good(tap, "sampler", 25)
    tap.done()


if __name__ == "__main__":
    main()
