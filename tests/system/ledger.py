#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ledger: each loss moves exactly its counter, and the equations close."""

import contextlib
import os
import random
import signal
import threading
import time

from accounts import LOST, AccountedRun, Load, pushed
from phlare import (PushServer, Tap, children_of, need_root, push_config,
                    wait_until)


def closed(tap, account, name):
    tap.ok(not account.all_open(), f"{name}: the ledger closes",
           "\n".join(account.all_open()) + "\n" + account.text())


def only(tap, account, name, *counters):
    """These counters of losses have moved, and no other."""
    tap.ok(set(account.losses()) == set(counters),
           f"{name}: {', '.join(counters) or 'nothing'} moves",
           account.text())


def finish(tap, run, name, *counters):
    status = run.stop(40)
    account = run.account()
    tap.ok(status == 0, f"{name}: it ends well", (status, run.log()[-2000:]))
    closed(tap, account, name)
    only(tap, account, name, *counters)
    return account


@contextlib.contextmanager
def server(answer=None):
    s = PushServer(answer)
    try:
        yield s
    finally:
        s.stop()


def nothing_is_lost(tap):
    """On busy CPUs: the clock is explained, and what was counted arrives."""
    name = "a quiet run"
    with server() as s, AccountedRun(push_config(s.url, interval="2s")) as run:
        with Load() as load:
            time.sleep(24)
            used = load.end()
        account = finish(tap, run, name)
    share = 100 * account["ticks_unexplained"] / account["ticks_expected"]
    tap.ok(share <= 1, f"{name}: {share:.2f} % of the clock is unexplained",
           account.text())
    tap.ok(pushed(s) == account["samples_delivered"],
           f"{name}: every delivered sample was pushed",
           (pushed(s), account["samples_delivered"]))
    got = pushed(s, "spin")
    tap.ok(load.agrees(got), f"{name}: {got} samples of {used:.1f} s of CPU "
           f"time at 100 Hz, {load.stolen:.1f} s stolen")


def full_maps(tap):
    for option, counter in (("--stack-parts", "samples_lost_stacks_full"),
                            ("--counts", "samples_lost_counts_full")):
        with server() as s, Load(), AccountedRun(
                push_config(s.url, interval="500ms", rate=250),
                option, "1") as run:
            time.sleep(3)
            account = finish(tap, run, f"{option} 1", counter)
        tap.ok(account["samples_delivered"] > 0,
               f"{option} 1: the rest is delivered", account.text())


def kill(run, role):
    """Kills one part; waits until another one has taken its place."""
    before = run.pids()
    os.kill(before[role], signal.SIGKILL)
    return wait_until("back", lambda: run.sampling() and
                      run.pids().get(role) not in (None, before[role]), 8)


def killed(tap, role, *counters):
    """In the middle of an interval, so that something is in its hands."""
    name = f"a killed {role}"
    with server() as s, Load(), AccountedRun(
            push_config(s.url, interval="1s")) as run:
        run.wait_for(lambda a: a["profiles_sent"] > 0)
        time.sleep(0.7)
        tap.ok(kill(run, role), f"{name}: comes back", run.log()[-2000:])
        sent = len(s.pushes)
        tap.ok(wait_until("pushes", lambda: len(s.pushes) > sent + 1),
               f"{name}: profiles are pushed again", run.log()[-2000:])
        account = finish(tap, run, name, *counters)
    tap.ok(account["ticks_down"] > 0 or not counters,
           f"{name}: the time without it is counted", account.text())
    tap.ok(pushed(s) == account["samples_delivered"],
           f"{name}: what counts as delivered was pushed once",
           (pushed(s), account.text()))


def killed_with_profiles_on_their_way(tap):
    """What had come as far as the shipper is delivered, not lost."""
    name = "a symbolizer killed before its profiles are pushed"
    gate = threading.Event()
    with server(lambda n: gate.wait(30) and (200, {}, b"")) as s, \
            Load(), AccountedRun(push_config(s.url, interval="500ms")) as run:
        run.wait_for(lambda a: a["profiles_queued"] >= 3)
        tap.ok(kill(run, "symbolizer"), f"{name}: comes back")
        run.wait_for(lambda a: a["samples_died_client"] > 0)
        gate.set()
        account = finish(tap, run, name, "samples_died_client")
    tap.ok(pushed(s) == account["samples_delivered"],
           f"{name}: they count as delivered",
           (pushed(s), account["samples_delivered"]))


def full_queue(tap):
    """An endpoint that does not answer, until its queue is full."""
    name = "a full queue"
    gate = threading.Event()
    with server(lambda n: gate.wait(60) and (200, {}, b"")) as s:
        config = push_config(s.url, interval="10ms", rate=1000,
                             extra_endpoint='remote_timeout = "60s"')
        with Load(), AccountedRun(config) as run:
            run.wait_for(lambda a: a["profiles_dropped_queue"] > 5, 40)
            gate.set()
            account = finish(tap, run, name, "profiles_dropped_queue")
    tap.ok(account["profiles_dropped_queue"] > 5 and
           account["profiles_sent"] >= 256,
           f"{name}: the rest is sent", account.text())


def endpoints_that_refuse(tap):
    table = (
        ("an endpoint that refuses", (400, {}, b"no"), "",
         "profiles_dropped_refused"),
        ("an endpoint that fails", (500, {}, b"no"),
         'min_backoff_period = "10ms"\nmax_backoff_period = "20ms"\n'
         "max_backoff_retries = 2", "profiles_dropped_retries"),
    )
    for name, answer, extra, counter in table:
        with server(lambda n, a=answer: a) as s, Load(), AccountedRun(
                push_config(s.url, interval="200ms",
                            extra_endpoint=extra)) as run:
            run.wait_for(lambda a, c=counter: a[c] > 3)
            account = finish(tap, run, name, counter)
        tap.ok(account["profiles_sent"] == 0, f"{name}: nothing is sent",
               account.text())


def no_receiver(tap):
    name = "nobody to forward to"
    config = ('phlare.ebpf "e" {\n  forward_to = []\n'
              '  collect_interval = "200ms"\n}\n')
    with Load(), AccountedRun(config) as run:
        run.wait_for(lambda a: a["profiles_dropped_no_receiver"] > 3)
        finish(tap, run, name, "profiles_dropped_no_receiver")


def absent_shipper(tap):
    """It hangs for so long that the symbolizer cannot keep all. What it could
    keep comes at once then: so many endpoints that none of their queues is
    too short for its share."""
    name = "a shipper that hangs"
    with server() as s, Load():
        config = "".join(
            f"""phlare.write "w{i}" {{
  endpoint {{
    url = "{s.url}"
  }}
}}
phlare.ebpf "e{i}" {{
  forward_to       = [phlare.write.w{i}.receiver]
  collect_interval = "50ms"
  sample_rate      = 200
}}
""" for i in range(6))
        with AccountedRun(config) as run:
            run.wait_for(lambda a: a["profiles_sent"] > 20)
            pid = run.pids()["shipper"]
            os.kill(pid, signal.SIGSTOP)
            gone = wait_until("drops", lambda: "dropping the oldest" in
                              run.log(), 90)
            os.kill(pid, signal.SIGCONT)
            tap.ok(gone, f"{name}: it is said that profiles are dropped",
                   run.log()[-2000:])
            account = finish(tap, run, name, "samples_dropped_shipper",
                             "profiles_dropped_shipper")
        # a push that hung with it is tried again: its answer came too late
        got = pushed(s, repeats=False)
        tap.ok(got == account["samples_delivered"],
               f"{name}: what counts as delivered was pushed",
               (got, account.text()))


def filtered(tap):
    """Of two busy processes one has a target, and only targets are wanted."""
    name = "targets only"
    with server() as s, Load() as load:
        pid = load.pids()[0]
        config = push_config(
            s.url, "targets_only = true\ntargets = [{__process_pid__ = "
            f'"{pid}", service_name = "one"}}]', interval="500ms")
        with AccountedRun(config) as run:
            run.wait_for(lambda a: a["profiles_sent"] > 2)
            account = finish(tap, run, name)
        tap.ok(account["samples_filtered"] > 0 and
               account["samples_delivered"] == pushed(s, "spin") == pushed(s),
               f"{name}: the rest is filtered", account.text())


def without_stacks(tap):
    name = "neither user nor kernel stacks"
    with server() as s, Load(), AccountedRun(push_config(
            s.url, "collect_user_profile = false\n"
            "collect_kernel_profile = false", interval="500ms")) as run:
        run.wait_for(lambda a: a["samples_dropped_no_stack"] > 50)
        account = finish(tap, run, name, "samples_dropped_no_stack")
    tap.ok(account["samples_delivered"] == 0, f"{name}: nothing is delivered",
           account.text())


def kept_over_shippers(tap):
    """What /metrics shows does not begin anew with the shipper."""
    name = "a new shipper"
    with server() as s, Load(), AccountedRun(
            push_config(s.url, interval="500ms")) as run:
        run.wait_for(lambda a: a["profiles_sent"] > 2)
        before = run.metrics()
        tap.ok(kill(run, "shipper"), f"{name}: comes back")
        wait_until("metrics", lambda: run.samples("delivered") > 0, 8)
        after = run.metrics()
        ledger = [k for k in before if k.split("{")[0] in (
            "phlare_ebpf_samples_total", "phlare_ebpf_profiles_total",
            "phlare_ebpf_profiles_built_total",
            "phlare_ebpf_program_runs_total")]
        back = [k for k in ledger if after.get(k, 0) < before[k]]
        tap.ok(len(ledger) > 20 and not back,
               f"{name}: no counter of the ledger went back",
               [(k, before[k], after.get(k)) for k in back])
        finish(tap, run, name)


def parts(run):
    """All that may die: each program and each child of the collector."""
    pids = run.pids()
    children = children_of(pids["listener"]) if "listener" in pids else []
    return sorted({*pids.values(), *children})


def storm(tap, components):
    """Anybody may die at any time, several at once; then it closes."""
    name = f"a storm over {components} components"
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    tap.note(f"seed {seed}")
    with server() as s:
        config = push_config(s.url, interval="1s", rate=200)
        for i in range(1, components):
            config += (f'phlare.ebpf "e{i}" {{\n'
                       "  forward_to = [phlare.write.w.receiver]\n"
                       f'  collect_interval = "{200 + 70 * i}ms"\n}}\n')
        with Load(), AccountedRun(config) as run:
            for role in ("sampler", "symbolizer"):  # whatever chance does
                wait_until("pushes", lambda: len(s.pushes) > 3)
                time.sleep(0.8)
                kill(run, role)
            end = time.monotonic() + 22
            while time.monotonic() < end:
                victims = parts(run)
                for pid in chance.sample(victims, min(
                        len(victims), chance.choice((1, 1, 1, 2, 3)))):
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(chance.choice((0.05, 1, 2, 3)) *
                           chance.uniform(0.5, 1.5))
            tap.ok(wait_until("sampling", run.sampling, 12),
                   f"{name}: all parts are back", run.log()[-2000:])
            sent = len(s.pushes)
            tap.ok(wait_until("pushes", lambda: len(s.pushes) > sent + 3, 12),
                   f"{name}: profiles are pushed again", run.log()[-2000:])
            status = run.stop(40)
            account = run.account()
            log = run.log()
    tap.ok(status == 0, f"{name}: it ends well", (status, log[-2000:]))
    tap.ok(not account.open_equations(), f"{name}: the ledger closes",
           "\n".join(account.all_open()) + "\n" + account.text())
    tap.ok(account.sum(LOST) == 0 and account["samples_died_sampler"] > 0 and
           account["samples_died_client"] > 0,
           f"{name}: what died is counted", account.text())


def main():
    need_root()
    tap = Tap()
    nothing_is_lost(tap)
    full_maps(tap)
    killed(tap, "sampler", "samples_died_sampler")
    killed(tap, "listener", "samples_died_sampler")
    killed(tap, "symbolizer", "samples_died_client")
    killed(tap, "opener")
    killed_with_profiles_on_their_way(tap)
    filtered(tap)
    without_stacks(tap)
    no_receiver(tap)
    endpoints_that_refuse(tap)
    full_queue(tap)
    absent_shipper(tap)
    kept_over_shippers(tap)
    storm(tap, 1)
    storm(tap, 3)
    tap.done()


if __name__ == "__main__":
    main()
