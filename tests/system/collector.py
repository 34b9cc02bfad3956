#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""phlare-collector by itself, through its two sockets: honest clients get what
they ask for, dishonest ones nothing; what it lacks, it names."""

import array
import contextlib
import ctypes
import glob
import mmap
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from phlare import (BPF_CALL, BUILD, PERF_CALL, TICK, Tap, alive, caps,
                    children_of, need_root, processes, refuse_calls, role_of,
                    status_of, wait_until)

COLLECTOR = f"{BUILD}/phlare-collector"
CLIENT = f"{BUILD}/tests/collector_client"
SPIN = f"{BUILD}/tests/targets/spin"
UID = 61300
MAX_CHILDREN = 8
ALL_CAPS = caps("BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH",
                "CHECKPOINT_RESTORE")
SETPCAP = 1 << 8

ESRCH, ENOENT, EAGAIN, EACCES, EINVAL, ENOEXEC = 3, 2, 11, 13, 22, 8
MAPS, CGROUP, FILE, PERF_MAP, BUILD_ID, DEBUG_LINK = range(1, 7)


# ---- the messages of collector.proto, written by hand

def f32(number, value):
    return bytes([number << 3 | 5]) + struct.pack("<I", value)


def f64(number, value):
    return bytes([number << 3 | 1]) + struct.pack("<Q", value)


def blob(number, data):
    size = bytes([len(data)]) if len(data) < 128 else bytes(
        [len(data) & 127 | 128, len(data) >> 7])
    return bytes([number << 3 | 2]) + size + data


def hello(version=1):
    return blob(1, f32(1, version) + f32(2, 0x100) + f64(3, 7))


def settings(rate, user=1, kernel=1):
    return blob(2, f32(1, rate) + f32(2, user) + f32(3, kernel))


def collect(interval):
    return blob(3, f64(1, interval))


def ack(sequence):
    return blob(4, f64(1, sequence))


KERNEL_SYMBOLS = blob(5, f32(1, 0))


def open_request(kind, pid=0, start=0, vma=(0, 0), name=b"", number=1):
    return blob(2, f64(1, number) + f32(2, kind) + f32(3, pid) +
                f64(4, start) + f64(5, vma[0]) + f64(6, vma[1]) +
                blob(7, name))


class Peer:
    """A client that says whatever it is told to say."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.connect(path)
        self.sock.settimeout(5)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.sock.close()

    def send(self, data, fds=()):
        """False when the peer has hung up."""
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                    array.array("i", fds))] if fds else []
        try:
            self.sock.sendmsg([data], control)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def receive(self):
        """(message, [descriptor]), or (None, []) when the peer hung up."""
        try:
            data, fds, _, _ = socket.recv_fds(self.sock, 65536, 4)
        except ConnectionResetError:
            return None, []
        return (data or None), list(fds)

    def drain(self):
        """All messages until the peer hangs up; what descriptors came."""
        count = got = 0
        with contextlib.suppress(TimeoutError):
            while (message := self.receive())[0] is not None:
                count += 1
                for fd in message[1]:
                    got += 1
                    os.close(fd)
            return True, count, got
        return False, count, got


class Opener(Peer):
    def __init__(self, path, greet=True):
        super().__init__(path)
        if greet:
            self.receive()
            self.send(hello())

    def ask(self, *arguments, **more):
        """(errno, descriptor or -1); errno -1: it hung up."""
        if not self.send(open_request(*arguments, **more)):
            return -1, -1
        data, fds = self.receive()
        if data is None:
            return -1, -1
        # OpenEvent.reply: { 1: id, 2: error }
        error = re.search(rb"\x15(....)", data, re.S)
        return (struct.unpack("<I", error.group(1))[0] if error else 0,
                fds[0] if fds else -1)

    def refused(self, *arguments, **more):
        """The errno; 0 when it handed something over."""
        error, fd = self.ask(*arguments, **more)
        if fd >= 0:
            os.close(fd)
            return 0
        return error


# ---- the collector

# Puts the sockets where LISTEN_FDS has them.
LISTEN_FDS = """import os, sys
for number in 3, 4:
    os.dup2(number + 27, number)
    os.set_inheritable(number + 27, False)
os.execvp(sys.argv[1], sys.argv[1:])"""


class Collector:
    """phlare-collector with both sockets, started as the units do."""

    def __init__(self, *options, prefix=(), user=True, expect=True, **popen):
        self.dir = tempfile.mkdtemp(prefix="phlare-test-")
        os.chmod(self.dir, 0o755)
        self.log_path = f"{self.dir}/log"
        self.paths = [f"{self.dir}/{n}.sock" for n in ("collector", "opener")]
        self.expect, self.popen = expect, popen
        if user:
            options = ("--user", str(UID), *options)
        self.command = [sys.executable, "-c", LISTEN_FDS, *prefix, COLLECTOR,
                        *options]
        self.process = None

    def __enter__(self):
        high = []
        for number, path in zip((30, 31), self.paths):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            sock.bind(path)
            os.chmod(path, 0o777)
            sock.listen(16)
            os.dup2(sock.fileno(), number)
            sock.close()
            high.append(number)
        env = dict(os.environ, LISTEN_FDS="2",
                   LISTEN_FDNAMES="collector:opener")
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command, stderr=log, stdout=log, pass_fds=high, env=env,
                stdin=subprocess.DEVNULL, **self.popen)
        for number in high:
            os.close(number)
        if self.expect:
            self.ready()
        return self

    def ready(self):
        """Its first answer is there."""
        with Opener(self.paths[1], greet=False) as o:
            o.receive()

    def __exit__(self, *_exc):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def children(self, role=None):
        """Those that have what their role leaves them, and no more."""
        out = children_of(self.process.pid)
        return [p for p in out if role in (None, role_of(p))]

    def opener(self, **more):
        return Opener(self.paths[1], **more)

    def sampler(self):
        return Peer(self.paths[0])

    @contextlib.contextmanager
    def client(self, *options):
        """collector_client, a well-behaved client in a process of its own."""
        p = subprocess.Popen([CLIENT, self.paths[0], *options],
                             stdout=subprocess.PIPE, text=True,
                             stdin=subprocess.DEVNULL)
        try:
            yield p
        finally:
            if p.poll() is None:
                p.kill()
            p.communicate()


def parse(text, kind):
    """The lines of a kind, each a dictionary."""
    return [dict(re.findall(r"(\w+)=(\S*)", line))
            for line in text.splitlines() if line.split(" ")[0] == kind]


def start_time(pid):
    """CLOCK_BOOTTIME ns, as /proc tells."""
    with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
        return int(f.read().rpartition(")")[2].split()[19]) * 10**9 // TICK


def ranges(pid, perms, path):
    out = []
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        for line in f:
            words = line.split()
            if words[1] == perms and words[-1] == path:
                out.append(tuple(int(x, 16) for x in words[0].split("-")))
    return out


# ---- honest clients

def clock(text):
    """(samples taken, seconds enabled, of them idle) over the CPUs."""
    last = {}
    for line in parse(text, "cpu"):
        last[line["number"]] = line
    return [(int(x["runs"]), int(x["enabled"]) / 1e9) for x in last.values()]


def two_components(tap, c):
    """Two clients at once, each with a rate of its own."""
    with processes(*[[SPIN]] * os.cpu_count()), \
            c.client("--rate", "100", "--duration", "2") as slow, \
            c.client("--rate", "400", "--duration", "2") as fast:
        texts = [p.communicate(timeout=30)[0] for p in (slow, fast)]
        codes = [slow.returncode, fast.returncode]
    tap.ok(codes == [0, 0], "two clients at once are served", texts)
    for rate, text in zip((100, 400), texts):
        got = [runs / seconds for runs, seconds in clock(text)]
        tap.ok(len(got) == os.cpu_count() and
               all(0.9 * rate < x < 1.02 * rate for x in got),
               f"each at its own rate: {rate} Hz", (got, text))
        batches = parse(text, "batch")
        tap.ok(batches and all(
            int(b["period"]) == 10**9 // rate and b["samples"] == b["sum"]
            for b in batches), "and its batches say so", text)
    sessions = {parse(t, "hello")[0]["session"] for t in texts}
    listeners = {parse(t, "hello")[0]["listener"] for t in texts}
    tap.ok(len(sessions) == 2 and len(listeners) == 1,
           "two sessions of one listener", (sessions, listeners))


def changed_rate(tap, c):
    with processes(*[[SPIN]] * os.cpu_count()), \
            c.client("--rate", "100", "--then-rate", "500", "--duration",
                     "4", "--interval", "0.5") as p:
        text = p.communicate(timeout=30)[0]
    periods = [int(b["period"]) for b in parse(text, "batch")]
    tap.ok(p.returncode == 0 and periods == sorted(periods, reverse=True) and
           set(periods) == {10**7, 2 * 10**6},
           "a changed rate: no batch mixes the two", text)
    done = parse(text, "done")[-1]
    lost = {k: v for k, v in done.items() if k.startswith("lost")}
    tap.ok(not lost and int(done["runs"]) == int(done.get("idle", 0)) +
           int(done["captured"]), "and nothing is lost by it", done)
    runs = sum(r for r, _ in clock(text))
    # as long with the one as with the other
    want = os.cpu_count() * 4 * (100 + 500) / 2
    tap.ok(0.8 * want < runs < 1.2 * want,
           f"{runs} samples, about {want:.0f}", text)
    captured = sum(int(b["samples"]) for b in parse(text, "batch"))
    tap.ok(captured == int(done["captured"]) and
           captured - int(done["shipped"]) <=
           int(parse(text, "batch")[-1]["samples"]),
           "what was captured is shipped", done)


def eight_and_no_more(tap, c):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(c.client("--rate", "50", "--duration",
                                             "60", "--no-news"))
                for _ in range(MAX_CHILDREN)]
        first = [p.stdout.readline() for p in held]
        tap.ok(all(line.startswith("hello") for line in first),
               "eight samplers at once", (first, c.log()))
        with c.client() as ninth:
            text = ninth.communicate(timeout=10)[0]
        tap.ok(ninth.returncode == 3 and "hello" not in text,
               "a ninth is refused", text)
        tap.ok(wait_until("logged", lambda: "there are 8 samplers"
                          in c.log()), "and the log says so", c.log())
        # the second collect of each
        tap.ok(all(wait_until("done", lambda p=p: p.stdout.readline()
                              .startswith("done"), 10) for p in held),
               "the eight go on", c.log())
    tap.ok(wait_until("ended", lambda: not c.children("sampler")),
           "and end with their clients", c.children())
    with c.client("--duration", "0.3") as p:
        p.communicate(timeout=10)
    tap.ok(p.returncode == 0, "then there is room again", c.log())
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(c.opener()) for _ in range(MAX_CHILDREN)]
        good = [o.refused(CGROUP, os.getpid(), start_time(os.getpid()))
                for o in held]
        with c.opener() as ninth:
            tap.ok(good == [0] * MAX_CHILDREN and
                   ninth.receive()[0] is None and
                   wait_until("logged", lambda: "there are 8 openers"
                              in c.log()),
                   "a ninth opener is refused and logged", (good, c.log()))


def status(tap, c):
    with c.client("--duration", "60"), c.opener():
        wait_until("children", lambda: c.children("sampler") and
                   c.children("opener"))
        table = (
            ("listener", c.process.pid, ALL_CAPS | SETPCAP),
            ("sampler", c.children("sampler")[0], caps("BPF", "PERFMON")),
            ("opener", c.children("opener")[0],
             caps("SYS_PTRACE", "DAC_READ_SEARCH", "CHECKPOINT_RESTORE")),
        )
        for name, pid, want in table:
            s = status_of(pid)
            good = (s["Uid"].split() == [str(UID)] * 4 and
                    s["Gid"].split() == [str(UID)] * 4 and
                    not s["Groups"].split() and s["NoNewPrivs"] == "1" and
                    s["Seccomp"] == "2" and
                    {int(s[k], 16) for k in ("CapPrm", "CapEff", "CapBnd")} ==
                    {want} and int(s["CapAmb"], 16) == 0 and
                    int(s["CapInh"], 16) == 0)
            tap.ok(good, f"{name}: uid, capabilities, filter", s)


# ---- dishonest clients of the sampler

def misbehaving_sampler_clients(tap, c):
    table = (
        ("garbage", [b"\xff" * 400], "protocol error"),
        ("half a message", [hello()[:9]], "protocol error"),
        ("half a number", [blob(1, b"\x0d\x01\x00")], "protocol error"),
        ("an unknown message", [blob(9, b"")], "protocol error"),
        ("a message without a type", [b"\x00"], "protocol error"),
        ("trailing bytes", [hello() + b"\x77"], "protocol error"),
        ("64 KiB of zeroes", [bytes(65000)], "protocol error"),
        ("more than a message may have", [bytes(70000)], "too large"),
        ("settings before hello", [settings(100)], "settings before hello"),
        ("collect before hello", [collect(1)], "collect before hello"),
        ("an acknowledgement before hello", [ack(0)], "before hello"),
        ("symbols before hello", [KERNEL_SYMBOLS], "before hello"),
        ("two hellos", [hello(), hello()], "second hello"),
        ("another protocol version", [hello(99)], "version 99"),
        ("rate 0", [hello(), settings(0)], "out of bounds"),
        ("rate 100000", [hello(), settings(100000)], "out of bounds"),
        ("a switch that is 2", [hello(), settings(100, 2)], "out of bounds"),
        ("an acknowledgement of the future",
         [hello(), settings(100), ack(4711)], "never sent"),
    )
    for name, messages, word in table:
        before = len(c.log())
        with c.sampler() as peer:
            peer.receive()  # its hello: it listens from here on
            for message in messages:
                peer.send(message)
            ended, _, _ = peer.drain()
        tap.ok(ended and wait_until("logged", lambda: word in
                                    c.log()[before:]),
               f"{name}: disconnected and logged", c.log()[before:])
    with c.sampler() as peer:
        peer.receive()
        null = os.open("/dev/null", os.O_RDONLY)
        peer.send(hello(), [null] * 8)
        os.close(null)
        peer.send(settings(100))
        peer.send(collect(1))
        pid = c.children("sampler")[-1]
        done = wait_until("done", lambda: peer.receive()[0][0] >> 3 == 4, 5)
        fds = [os.readlink(p) for p in glob.glob(f"/proc/{pid}/fd/*")]
        tap.ok(done and "/dev/null" not in fds[3:] and
               fds.count("/dev/null") <= 3,
               "descriptors that it sends do not stay", fds)


def shmem():
    with open("/proc/meminfo", encoding="ascii") as f:
        return int(re.search(r"Shmem:\s+(\d+)", f.read()).group(1))


def greedy_client(tap, c):
    """Asks for kernel symbols a thousand times and reads nothing."""
    before = shmem()
    with c.sampler() as peer:
        peer.receive()
        peer.send(hello())
        peer.sock.settimeout(0.2)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 1000 and peer.send(KERNEL_SYMBOLS):
                sent += 1
        most = 0
        for _ in range(30):
            most = max(most, shmem() - before)
            time.sleep(0.1)
        tap.ok(most < 96 * 1024,
               f"{sent} requests of a client that reads nothing hold "
               f"{most // 1024} MiB of memory")
    tap.ok(wait_until("freed", lambda: shmem() - before < 8 * 1024),
           "which ends with it", shmem() - before)


# ---- dishonest clients of the opener

class Target:
    """A process of our own that maps a file."""

    def __init__(self, path, prot):
        r, w = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                with open(path, "rb") as f:
                    self.memory = mmap.mmap(f.fileno(), 0, prot=prot,
                                            flags=mmap.MAP_PRIVATE)
                os.write(w, b"x")
                while True:
                    signal.pause()
            finally:
                os._exit(1)
        os.close(w)
        os.read(r, 1)
        os.close(r)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def reused_pid():
    """(pid, start time of the process that had it before), or None."""
    for _ in range(200):
        old = subprocess.Popen(["sleep", "60"])
        start = start_time(old.pid)
        old.kill()
        old.wait()
        time.sleep(0.05)  # some ticks
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as f:
            f.write(str(old.pid - 1))
        new = subprocess.Popen(["sleep", "60"])
        if new.pid == old.pid:
            return new, start
        new.kill()
        new.wait()
    return None, 0


def tricks(tap, c):
    """Nothing of what the opener must not hand out is had by any trick."""
    shadow = "/etc/shadow"
    own, libc = os.getpid(), None
    for line in open("/proc/self/maps", encoding="utf-8"):
        if "r-xp" in line and "/libc" in line:
            libc = line.split()[-1]
    code = ranges(own, "r-xp", libc)[0]
    data = ranges(own, "r--p", libc)[0]
    start = start_time(own)
    dead = subprocess.Popen(["true"])
    dead_start = start_time(dead.pid)
    dead.wait()
    up = b"../" * 8
    with c.opener() as o, Target(shadow, mmap.PROT_READ) as reader, \
            Target(shadow, mmap.PROT_READ | mmap.PROT_EXEC) as runner:
        def of(t, perms):
            return {"pid": t.pid, "start": start_time(t.pid),
                    "vma": ranges(t.pid, perms, shadow)[0]}
        table = (
            ("no kind", {"kind": 0, "pid": own, "start": start}, EINVAL),
            ("a kind that is none", {"kind": 7, "pid": own, "start": start},
             EINVAL),
            ("a dead pid", {"kind": MAPS, "pid": dead.pid,
                            "start": dead_start}, ESRCH),
            ("pid 0", {"kind": MAPS}, ESRCH),
            ("pid -1", {"kind": MAPS, "pid": 2**32 - 1}, ESRCH),
            ("another start time", {"kind": MAPS, "pid": own,
                                    "start": start - 10**9}, ESRCH),
            ("another start time, for its cgroup",
             {"kind": CGROUP, "pid": own, "start": start + 10**9}, ESRCH),
            ("a mapping that is not code",
             {"kind": FILE, "pid": own, "start": start, "vma": data}, ENOENT),
            ("a part of a mapping",
             {"kind": FILE, "pid": own, "start": start,
              "vma": (code[0], code[1] - 4096)}, ENOENT),
            ("a mapping that is none",
             {"kind": FILE, "pid": own, "start": start,
              "vma": (code[1], code[0])}, ENOENT),
            ("/etc/shadow, mapped by a process",
             {"kind": FILE, **of(reader, "r--p")}, ENOENT),
            ("/etc/shadow, mapped as code",
             {"kind": FILE, **of(runner, "r-xp")}, ENOEXEC),
            ("a debug link with a path",
             {"kind": DEBUG_LINK, "name": up + b"etc/shadow"}, EINVAL),
            ("a debug link that begins at the root",
             {"kind": DEBUG_LINK, "name": b"/etc/shadow"}, EINVAL),
            ("a debug link that is a directory",
             {"kind": DEBUG_LINK, "name": b".build-id"}, None),
            ("a debug link of dots", {"kind": DEBUG_LINK, "name": b".."},
             EINVAL),
            ("a debug link with a NUL",
             {"kind": DEBUG_LINK, "name": b"x\0../shadow"}, EINVAL),
            ("a debug link a byte too long",
             {"kind": DEBUG_LINK, "name": b"x" * 256}, EINVAL),
            ("a build id that is a path",
             {"kind": BUILD_ID, "name": up + b"etc/shadow"}, ENOENT),
            ("a build id of dots", {"kind": BUILD_ID, "name": b"../.."},
             ENOENT),
            ("an empty build id", {"kind": BUILD_ID}, EINVAL),
            ("a build id too long",
             {"kind": BUILD_ID, "name": b"\xab" * 65}, EINVAL),
        )
        for name, request, want in table:
            error, fd = o.ask(**request)
            tap.ok(fd < 0 and (error == want if want else error > 0),
                   f"{name}: refused", (error, fd))
            if fd >= 0:
                os.close(fd)
        new, old_start = reused_pid()
        if tap.ok(new is not None, "a pid was used again"):
            tap.ok(o.refused(MAPS, new.pid, old_start) == ESRCH and
                   o.refused(MAPS, new.pid, start_time(new.pid)) == 0,
                   "a pid that is another process now: refused")
            new.kill()
            new.wait()
        tap.ok(o.refused(FILE, own, start, code) == 0,
               "what it may have, it gets after all that")


def perf_map_tricks(tap, c):
    """A link by any name is not the process's own map."""
    target = subprocess.Popen(["sleep", "60"])
    path = f"/tmp/perf-{target.pid}.map"
    request = (PERF_MAP, target.pid, start_time(target.pid))
    secret = tempfile.NamedTemporaryFile(dir="/tmp", prefix="phlare-test-")
    try:
        with c.opener() as o:
            os.symlink("/etc/shadow", path)
            tap.ok(o.refused(*request) > 0, "perf map: a symbolic link")
            os.unlink(path)
            os.mkdir(path)
            tap.ok(o.refused(*request) > 0, "perf map: a directory")
            os.rmdir(path)
            os.mkfifo(path)
            tap.ok(o.refused(*request) > 0, "perf map: a FIFO")
            os.unlink(path)
            # another user can make it where protected_hardlinks is off
            os.link(secret.name, path)
            tap.ok(o.refused(*request) == EACCES,
                   "perf map: one more name of a file of the same owner")
            os.unlink(path)
            with open(path, "w", encoding="ascii") as f:
                f.write("1000 10 jitted\n")
            error, fd = o.ask(*request)
            tap.ok(error == 0 and os.read(fd, 99) == b"1000 10 jitted\n",
                   "perf map: the file itself is handed over", error)
            os.close(fd)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
        secret.close()
        target.kill()
        target.wait()


def misbehaving_opener_clients(tap, c):
    mine = open_request(MAPS, os.getpid(), start_time(os.getpid()))
    table = (
        ("garbage", [hello(), b"\xff" * 400], "protocol error"),
        ("half a request", [hello(), mine[:20]], "protocol error"),
        ("a name too long", [hello(), blob(2, f32(2, DEBUG_LINK) +
                                           blob(7, b"x" * 300))],
         "protocol error"),
        ("a request of the sampler's", [hello(), collect(1)],
         "protocol error"),
        ("a request before hello", [mine], "before hello"),
        ("two hellos", [hello(), hello()], "second hello"),
        ("another protocol version", [hello(99)], "protocol version"),
    )
    for name, messages, word in table:
        before = len(c.log())
        with c.opener(greet=False) as o:
            o.receive()
            for message in messages:
                o.send(message)
            ended, _, fds = o.drain()
        tap.ok(ended and fds == 0 and wait_until(
            "logged", lambda: word in c.log()[before:]),
            f"opener: {name}: gets nothing, disconnected, logged",
            (ended, fds, c.log()[before:]))


def flood(tap, c):
    """More requests than it serves, by a client that does not read."""
    request = open_request(CGROUP, os.getpid(), start_time(os.getpid()))
    with c.opener() as o:
        pid = c.children("opener")[-1]
        o.sock.settimeout(0.3)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 5000 and o.send(request):
                sent += 1
        time.sleep(0.3)
        held = len(os.listdir(f"/proc/{pid}/fd"))
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.05)
        in_flight = 0
        o.sock.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while True:
                _, fds = o.receive()
                for fd in fds:
                    os.close(fd)
                in_flight += len(fds)
        os.kill(pid, signal.SIGCONT)
        tap.ok(sent > 50 and held < 24 and 0 < in_flight <= 16,
               f"{sent} requests unread: {in_flight} descriptors in flight",
               held)
    with c.opener() as o:
        o.sock.settimeout(5)
        start = time.monotonic()
        errors = [o.refused(CGROUP, os.getpid(), start_time(os.getpid()))
                  for _ in range(3000)]
        took = time.monotonic() - start
        opened = errors.count(0)
        tap.ok(set(errors) <= {0, EAGAIN} and
               1000 <= opened <= 1000 + 500 * (took + 0.2),
               f"of 3000 requests in {took:.1f} s {opened} were served",
               set(errors))


CLONE_NEWNS, MS_PRIVATE_REC = 0x20000, 0x44000


def hang_on_a_dead_mount():
    """In a child: /tmp becomes a mount that answers nothing, ever."""
    libc = ctypes.CDLL(None, use_errno=True)
    fuse = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
    if (libc.unshare(CLONE_NEWNS) or
            libc.mount(None, b"/", None, MS_PRIVATE_REC, None) or
            libc.mount(b"dead", b"/tmp", b"fuse", 0, options.encode())):
        os._exit(1)


def hanging_open(tap, c):
    """An open() that never returns costs its own opener only."""
    r, w = os.pipe()
    target = os.fork()
    if target == 0:
        hang_on_a_dead_mount()
        os.write(w, b"x")
        while True:
            signal.pause()
    os.close(w)
    hung = os.read(r, 1) == b"x"
    os.close(r)
    try:
        with c.opener() as stuck:
            pid = c.children("opener")[-1]
            stuck.sock.settimeout(1)
            answer = None
            with contextlib.suppress(TimeoutError):
                answer = stuck.ask(PERF_MAP, target, start_time(target))
            tap.ok(hung and answer is None, "an open() hangs",
                   (hung, answer))
            with c.opener() as other:
                tap.ok(other.refused(CGROUP, os.getpid(),
                                     start_time(os.getpid())) == 0,
                       "another client is served meanwhile")
        tap.ok(wait_until("gone", lambda: not alive(pid), 3),
               "the opener that hangs is killed when its client leaves",
               c.log())
    finally:
        os.kill(target, signal.SIGKILL)
        os.waitpid(target, 0)


def strangers(tap, c):
    """Whoever is neither root nor the client is refused, and logged."""
    for path in c.paths:
        time.sleep(1.1)  # the log takes one such line a second
        before = len(c.log())
        pid = os.fork()
        if pid == 0:
            os.setgid(4711)
            os.setuid(4711)
            with Peer(path) as peer:
                os._exit(0 if peer.receive()[0] is None else 1)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        tap.ok(code == 0 and wait_until(
            "logged", lambda: "uid 4711" in c.log()[before:]),
            f"a stranger gets nothing at {os.path.basename(path)}",
            (code, c.log()[before:]))


def ends_with_its_listener(tap):
    with Collector() as c, c.client("--duration", "60") as p, c.opener():
        p.stdout.readline()
        children = c.children()
        c.process.kill()
        c.process.wait()
        tap.ok(len(children) == 2 and
               wait_until("gone", lambda: not any(map(alive, children)), 3),
               "kill -9 of the listener leaves no child", children)


# ---- what it lacks

CAPABILITIES = ("bpf", "perfmon", "sys_ptrace", "dac_read_search",
                "checkpoint_restore")


def refuses_to_start(*options, seconds=5, **more):
    """(exit status, log) of one that cannot start."""
    with Collector(*options, expect=False, **more) as c:
        try:
            code = c.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = None
        return code, c.log()


def missing_capabilities(tap):
    for cap in CAPABILITIES:
        code, log = refuses_to_start(
            prefix=("setpriv", f"--bounding-set=-{cap}"))
        tap.ok(code == 1 and f"CAP_{cap.upper()} missing" in log and
               "AmbientCapabilities=" in log and log.count("\n") == 1,
               f"without CAP_{cap.upper()}: says so and how to give it",
               (code, log))
    ambient = ",".join("+" + cap for cap in CAPABILITIES)
    with Collector(user=False, prefix=(
            "setpriv", "--reuid", str(UID), "--regid", str(UID),
            "--clear-groups", "--inh-caps", ambient, "--ambient-caps",
            ambient)) as c, c.client("--duration", "0.5") as p:
        text = p.communicate(timeout=20)[0]
        tap.ok(p.returncode == 0 and parse(text, "batch"),
               "an account with the five capabilities: samples",
               (text, c.log()))
    code, log = refuses_to_start(user=False, prefix=(
        "setpriv", "--reuid", str(UID), "--regid", str(UID),
        "--clear-groups"))
    tap.ok(code == 1 and log.count("CAP_") == 5 and log.count("\n") == 1,
           "an account without any: names all five", (code, log))


@contextlib.contextmanager
def sysctl(name, value):
    path = f"/proc/sys/kernel/{name}"
    with open(path, encoding="ascii") as f:
        was = f.read()
    try:
        with open(path, "w", encoding="ascii") as f:
            f.write(str(value))
        yield
    finally:
        with open(path, "w", encoding="ascii") as f:
            f.write(was)


def paranoid_3(tap):
    with sysctl("perf_event_paranoid", 3):
        code, log = refuses_to_start(
            prefix=("setpriv", "--bounding-set=-sys_admin"))
        tap.ok(code == 1 and log.count("\n") == 1 and
               "sysctl kernel.perf_event_paranoid=2" in log and
               "CAP_SYS_ADMIN" in log,
               "paranoid 3 without CAP_SYS_ADMIN: names both remedies",
               (code, log))
        with Collector() as c, c.opener(), \
                c.client("--duration", "60", "--no-news") as p:
            wait_until("children", lambda: c.children("sampler") and
                       c.children("opener"))
            admin = caps("SYS_ADMIN")
            held = {pid: [int(status_of(pid)[k], 16) & admin != 0
                          for k in ("CapPrm", "CapEff", "CapBnd")]
                    for pid in [c.process.pid] + c.children()}
            tap.ok(held.pop(c.process.pid) == [True] * 3,
                   "paranoid 3 as root: the listener keeps CAP_SYS_ADMIN")
            tap.ok(len(held) == 2 and not any(map(any, held.values())),
                   "paranoid 3 as root: its children drop it", held)
            tap.ok(wait_until("batch", lambda: p.stdout.readline()
                              .startswith("batch")),
                   "paranoid 3 as root: samples", c.log())


def little_locked_memory(tap):
    """The rings of process events take what they are given."""
    page = os.sysconf("SC_PAGE_SIZE") // 1024
    prefix = ("prlimit", "--memlock=0:0")
    with sysctl("perf_event_mlock_kb", 4 * page), \
            Collector(prefix=prefix) as c, c.client("--duration", "1") as p:
        text = p.communicate(timeout=20)[0]
        tap.ok(p.returncode == 0 and parse(text, "news") and
               parse(text, "batch"),
               "little room for rings: they are smaller", (text, c.log()))
    with sysctl("perf_event_mlock_kb", page), \
            Collector(prefix=prefix) as c, c.client("--duration", "1") as p:
        p.communicate(timeout=20)
        tap.ok(p.returncode == 3 and wait_until(
            "logged", lambda: "kernel.perf_event_mlock_kb" in c.log() and
            "LimitMEMLOCK=" in c.log()),
               "no room for rings: names the sysctl and the limit", c.log())


def missing_kernel_parts(tap):
    for call, word in ((BPF_CALL, "CONFIG_BPF_SYSCALL"),
                       (PERF_CALL, "CONFIG_PERF_EVENTS")):
        code, log = refuses_to_start(preexec_fn=refuse_calls(call))
        tap.ok(code == 1 and word in log and log.count("\n") == 1,
               f"a kernel without {word}: one clear line", (code, log))


def in_a_user_namespace(tap):
    code, log = refuses_to_start(user=False, prefix=("unshare", "-Ur"))
    tap.ok(code not in (0, None) and log.count("\n") == 1,
           "in a user namespace as root: one line", (code, log))
    code, log = refuses_to_start(user=False,
                                 prefix=("unshare", "-U", "--keep-caps"))
    tap.ok(code == 1 and "user namespace" in log and log.count("\n") == 1,
           "in a user namespace: says so", (code, log))


def bad_options(tap):
    table = (
        ("an unknown option", ("--bogus",), "--bogus"),
        ("an operand", ("thing",), "thing"),
        ("a bad sandbox", ("--sandbox=off",), "enforce or trap"),
        ("counts 0", ("--counts", "0"), "--counts 0"),
        ("counts too many", ("--counts", "524289"), "1 to 524288"),
        ("counts that are none", ("--counts", "many"), "many"),
        ("stack parts -1", ("--stack-parts", "-1"), "--stack-parts -1"),
        ("a client that is none", ("--client", "no such"), "no such"),
        ("root", ("--user", "0"), "root"),
    )
    for name, options, word in table:
        code, log = refuses_to_start(*options)
        tap.ok(code == 2 and word in log and log.count("\n") == 1,
               f"{name}: one clear line", (code, log))
    code, log = refuses_to_start(user=False)
    tap.ok(code == 2 and "--user" in log, "as root without --user", log)
    r = subprocess.run([COLLECTOR, "--user", "nobody"], capture_output=True,
                       check=False, timeout=10)
    tap.ok(r.returncode == 1 and b"LISTEN_FDNAMES" in r.stderr and
           r.stderr.count(b"\n") == 1, "without sockets", r.stderr)


def traps(tap):
    """--sandbox=trap lets the whole of its work through."""
    with Collector("--sandbox=trap") as c, \
            c.client("--duration", "1", "--kernel-symbols") as p, \
            c.opener() as o:
        text = p.communicate(timeout=20)[0]
        tap.ok(p.returncode == 0 and parse(text, "batch") and
               int(parse(text, "ksyms")[0]["bytes"]) > 100000 and
               o.refused(MAPS, os.getpid(), start_time(os.getpid())) == 0 and
               "refused system call" not in c.log(),
               "--sandbox=trap: nothing it does is refused",
               (text, c.log()))


def main():
    need_root()
    tap = Tap()
    bad_options(tap)
    missing_capabilities(tap)
    missing_kernel_parts(tap)
    in_a_user_namespace(tap)
    paranoid_3(tap)
    little_locked_memory(tap)
    traps(tap)
    with Collector() as c:
        status(tap, c)
        two_components(tap, c)
        changed_rate(tap, c)
        eight_and_no_more(tap, c)
        misbehaving_sampler_clients(tap, c)
        greedy_client(tap, c)
        tricks(tap, c)
        perf_map_tricks(tap, c)
        misbehaving_opener_clients(tap, c)
        flood(tap, c)
        hanging_open(tap, c)
        strangers(tap, c)
        tap.ok(alive(c.process.pid) and "died by signal" not in c.log(),
               "the listener has seen no child die", c.log())
    ends_with_its_listener(tap)
    tap.done()


if __name__ == "__main__":
    main()
