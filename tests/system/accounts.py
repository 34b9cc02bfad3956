# SPDX-License-Identifier: Apache-2.0
"""The ledger as the system tests look at it: the file that a run keeps, its
equations, and a load whose CPU time says what should be in it."""

import bisect
import contextlib
import math
import os
import subprocess
import threading
import time

from phlare import BUILD, TICK, Profile, Run, decode_push, wait_until

SPIN = f"{BUILD}/tests/targets/spin"
CPUS = sorted(os.sched_getaffinity(0))

LOST = ("lost_counts_full", "lost_stacks_full", "lost_stack_error",
        "lost_internal")
DIED = ("died_sampler", "died_client", "lost_drain")
DROPPED = ("dropped_no_stack", "dropped_malformed", "dropped_memory",
           "dropped_shipper")
PROFILES_DROPPED = tuple(f"profiles_dropped_{x}" for x in (
    "shipper", "refused", "retries", "queue", "no_receiver", "disk"))
LOSSES = tuple(f"samples_{x}" for x in LOST + DIED + DROPPED) + \
    PROFILES_DROPPED


class Account:
    """The text that phlare-shipper --ledger writes."""

    def __init__(self, text):
        self.numbers = {}
        for line in text.splitlines():
            name, _, value = line.rpartition(" ")
            self.numbers[name] = int(value)

    def __getitem__(self, name):
        return self.numbers.get(name, 0)

    def sum(self, names, prefix="samples_"):
        return sum(self[prefix + n] for n in names)

    def losses(self):
        """Every counter of a loss that has moved."""
        return {n: self[n] for n in LOSSES if self[n]}

    def lost_samples(self):
        return self.sum(LOST) + self.sum(DIED) + self.sum(DROPPED)

    def open_equations(self, component=""):
        """Those that do not hold; after a stop all of them must."""
        prefix = f"component/{component}/" if component else ""
        s = lambda *names: sum(self[f"{prefix}samples_{n}"] for n in names)
        dropped = sum(self[prefix + n] for n in PROFILES_DROPPED)
        profiles = (self[prefix + "profiles_sent"] +
                    self[prefix + "profiles_spooled"] + dropped)
        table = (
            ("runs = idle + captured + lost", s("runs"),
             s("idle", "captured", *LOST)),
            ("captured = shipped + died", s("captured"),
             s("shipped", *DIED)),
            ("shipped = delivered + filtered + dropped", s("shipped"),
             s("delivered", "filtered", *DROPPED)),
            ("built = sent + spooled + dropped",
             self[prefix + "profiles_built"],
             profiles + (0 if component else self["profiles_queued"])),
        )
        return [f"{prefix}{text}: {left} != {right}"
                for text, left, right in table if left != right]

    def components(self):
        return sorted({n.split("/")[1] for n in self.numbers
                       if n.startswith("component/")})

    def all_open(self):
        out = self.open_equations()
        for component in self.components():
            out += self.open_equations(component)
        return out

    def text(self):
        return "\n".join(f"{n} {v}" for n, v in sorted(self.numbers.items())
                         if v and n.split("/")[0] not in
                         ("component", "current"))


class AccountedRun(Run):
    """A run that leaves its ledger where it can be read after its end."""

    def __init__(self, config, *options, **more):
        super().__init__(config, *options, **more)
        place = f"{self.dir}/account"
        os.mkdir(place)
        os.chmod(place, 0o777)  # the shipper's id is chosen later
        self.account_path = f"{place}/ledger"
        self.command[2:2] = ["--ledger", self.account_path]

    def account(self):
        with open(self.account_path, encoding="utf-8") as f:
            return Account(f.read())

    def stop(self, seconds=40):
        status = super().stop(seconds)
        self.last_log = self.log() if os.path.exists(self.log_path) else ""
        return status

    def log_text(self):
        """The end of the log, also after the run."""
        return self.last_log[-2000:]

    def wait_for(self, what, seconds=15):
        """Until what(account) is true."""
        return wait_until("account", lambda: what(self.account()), seconds)


def pin_to(cpu):
    def before_exec():
        os.sched_setaffinity(0, {cpu})
        # others that run here should matter little
        os.nice(-5)
        os.setsid()
        with contextlib.suppress(OSError), open(
                "/proc/self/autogroup", "w", encoding="ascii") as f:
            f.write("-5")
    return before_exec


def stolen(cpus):
    """Seconds that the hypervisor has taken from these CPUs since the boot."""
    with open("/proc/stat", encoding="ascii") as f:
        lines = [line.split() for line in f]
    return sum(int(x[8]) for x in lines
               if x[0] in {f"cpu{n}" for n in cpus}) / TICK


def ran(pid):
    """Seconds that this process has had a CPU."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e9


class Diary(threading.Thread):
    """How much CPU time some processes have had, at many times."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.stop, self.pages = pids, threading.Event(), []
        self.write()

    def write(self):
        before = time.time()
        seconds = sum(ran(pid) for pid in self.pids)
        self.pages.append(((before + time.time()) / 2, seconds))

    def run(self):
        while not self.stop.wait(0.02):
            self.write()

    def end(self):
        """Before the processes end."""
        self.stop.set()
        self.join()
        self.write()

    def until(self, when):
        """Seconds they have had by then (of time.time())."""
        i = bisect.bisect(self.pages, (when, 0.0))
        if i in (0, len(self.pages)):
            return self.pages[min(i, len(self.pages) - 1)][1]
        (a, low), (b, high) = self.pages[i - 1:i + 1]
        return low + (high - low) * (when - a) / (b - a)


class Load:
    """A busy loop on each CPU; its CPU time is known when it has ended, and
    with a diary also what it was between any two times."""

    def __init__(self, cpus=None, diary=False):
        self.cpus = CPUS if cpus is None else cpus
        self.running, self.seconds, self.share = [], 0.0, 0.0
        self.stolen = 0.0
        self.wants_diary, self.diary = diary, None

    def __enter__(self):
        self.started = time.monotonic()
        self.stolen_before = stolen(self.cpus)
        self.running = [
            subprocess.Popen([SPIN], preexec_fn=pin_to(cpu))
            for cpu in self.cpus]
        if self.wants_diary:
            self.diary = Diary(self.pids())
            self.diary.start()
        return self

    def end(self):
        if self.running and self.diary:
            self.diary.end()
        for p in self.running:
            with contextlib.suppress(OSError):
                p.kill()
            _, status, usage = os.wait4(p.pid, 0)
            p.returncode = os.waitstatus_to_exitcode(status)
            self.seconds += usage.ru_utime + usage.ru_stime
        if self.running:
            self.share = self.seconds / len(self.cpus) / (
                time.monotonic() - self.started)
            self.stolen = stolen(self.cpus) - self.stolen_before
        self.running = []
        return self.seconds

    def __exit__(self, *_exc):
        self.end()

    def pids(self):
        return [p.pid for p in self.running]

    def used_in(self, profiles):
        """Seconds of it while these were made; what two cover counts twice."""
        return sum(self.diary.until(end) - self.diary.until(begin)
                   for begin, end in spans(profiles))

    def agrees(self, samples, rate=100, seconds=None):
        """Whether so many samples are its CPU time, or this part of it. What
        was stolen from it is not in its time, but may be in samples."""
        seconds = self.seconds if seconds is None else seconds
        off = samples - rate * seconds
        may = (tolerance(rate * seconds, self.share) +
               lockstep(rate * seconds, self.share))
        return -may <= off <= may + rate * self.stolen


def profiles_of(server, without=None, repeats=True):
    """What a server has got, without the component of that name; and without
    what came again."""
    with server.lock:
        bodies = [body for _, _, body, _ in server.pushes]
    if not repeats:
        bodies = set(bodies)
    return [Profile(raw) for body in bodies
            for labels, raws in decode_push(body)
            if without is None or
            dict(labels).get("service_name") != without for raw in raws]


def series_of(server, name):
    """How often a server has got something of this service."""
    with server.lock:
        bodies = [body for _, _, body, _ in server.pushes]
    return sum(dict(labels).get("service_name") == name for body in bodies
               for labels, _ in decode_push(body))


def pushed(server, comm=None, without=None, repeats=True):
    """Samples that a server has got, of one command or of all."""
    return sum(sum(v[0] for _, v, _ in (p.samples if comm is None else
                                        p.of_comm(comm))) // p.period
               for p in profiles_of(server, without, repeats))


def spans(profiles):
    """When they were made: (begin, end) of time.time()."""
    return {(p.time / 1e9, (p.time + p.duration) / 1e9) for p in profiles}


def covered(profiles):
    """Seconds of all CPUs; what two cover counts twice."""
    return len(CPUS) * sum(end - begin for begin, end in spans(profiles))


def coverage(profiles, start, end):
    """Of this time (of time.time()): seconds that no profile covers, and that
    two components do."""
    gaps, twice, at = 0.0, 0.0, start
    for begin, finish in sorted((max(begin, start), min(finish, end))
                                for begin, finish in spans(profiles)):
        gaps += max(0.0, begin - at)
        twice += max(0.0, min(at, finish) - begin)
        at = max(at, finish)
    return gaps + max(0.0, end - at), twice


def chance(samples, share):
    """What chance does to a count whose load had this share of its CPUs:
    nothing, unless others took turns with it."""
    return 3 * math.sqrt(samples * max(1 - share, 0))


def lockstep(samples, share):
    """And what is not chance: the sampling clock and the scheduler's tick are
    one, so who takes turns with a load at a fixed place of it may be met a
    quarter too often, or too rarely, for as long as a run lasts."""
    return samples * max(1 - share, 0) / 4


def tolerance(samples, share):
    """How far a count may be off: 1 % and chance."""
    return 0.01 * samples + chance(samples, share) + 4
