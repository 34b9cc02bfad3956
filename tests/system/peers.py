#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shipper and symbolizer among peers that break the protocol: they are hung up
on, that is logged, nothing of theirs is kept, and who comes next is served."""

import array
import contextlib
import fcntl
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from phlare import (BUILD, SOURCE, Tap, fields, message, need_root, sanitized,
                    wait_until)
from shipper_peer import (FINISH_DONE, HELLO, LEDGER, PPROF, PROFILE, STATUS,
                          Shipper, Symbolizer, bytes_field, config, endpoint,
                          fixed32, fixed64, sealed, target)

UID = 61301
PAGE_BYTES = 4096


def hello(session=7, version=1):
    return bytes_field(1, fixed32(1, version) + fixed32(2, 1) +
                       fixed64(3, session))


def memfd(data):
    """Not sealed: it may change under its reader."""
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    return fd


def live_page(size=PAGE_BYTES):
    """A sampler's ledger: it may not shrink, and is written to."""
    fd = memfd(bytes(size))
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    return fd


def device():
    return os.open("/dev/zero", os.O_RDONLY)


def regular():
    fd, path = tempfile.mkstemp()
    os.write(fd, PPROF)
    os.unlink(path)
    return fd


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def send(sock, data, make_fds=()):
    """Descriptors are made for it, and closed. False: the peer is gone."""
    fds = [make() for make in make_fds]
    try:
        sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                               array.array("i", fds))] if fds else [])
        return True
    except OSError:
        return False
    finally:
        for fd in fds:
            os.close(fd)


def hung_up(sock, seconds=5.0):
    """Reads until the other side hangs up."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data, fds, _, _ = socket.recv_fds(sock, 65536, 4)
        except TimeoutError:
            return False
        except OSError:
            return True
        for fd in fds:
            os.close(fd)
        if not data:
            return True
    return False


# What anyone may be told: (name, [(packet, [what makes its descriptors])]).
GARBAGE = [
    ("garbage", [(b"\xff" * 40, [])]),
    ("garbage after a hello", [(hello(), []), (b"\x00\x01\x02" * 9, [])]),
    ("a message of no kind", [(bytes_field(63, b""), [])]),
    ("half a message", [(hello()[:-3], [])]),
    ("an empty message with a descriptor", [(b"", [device])]),
    ("another protocol", [(hello(version=2), [])]),
    ("a hello with a descriptor", [(hello(), [device])]),
    ("seven descriptors", [(hello(), [device] * 7)]),
]


SAID = "disconnecting|hanging up|it speaks|no room for|closed by peer"


def says(log, since):
    """Whether it says of this hang-up that it happened."""
    return wait_until("a line", lambda: re.search(SAID, log()[since:]), 3)


# ---- the shipper

def profile_message(**other):
    parts = {"id": fixed64(1, 1), "component": fixed32(2, 1),
             "samples": fixed64(3, 1), "time": fixed64(4, time.time_ns()),
             "duration": fixed64(5, 10 ** 10),
             "labels": bytes_field(7, target({"__name__": "process_cpu"}))}
    parts.update(other)
    return bytes_field(PROFILE, b"".join(parts.values()))


def to_the_shipper():
    profile, greeting = profile_message(), (hello(), [])
    report = bytes_field(LEDGER, fixed32(1, 1))
    status = bytes_field(STATUS, fixed32(1, 1))
    many = bytes_field(LEDGER, fixed32(1, 1) +
                       bytes_field(2, bytes(8 * 65)))
    return GARBAGE + [
        ("two hellos", [greeting, greeting]),
        ("a hello without session", [(hello(session=0), [])]),
        ("a profile before its hello", [(profile, [lambda: sealed(PPROF)])]),
        ("a report before its hello", [(report, [])]),
        ("a status before its hello", [(status, [])]),
        ("an end before its hello",
         [(bytes_field(FINISH_DONE, b""), [])]),
        ("a profile without a descriptor", [greeting, (profile, [])]),
        ("a profile in a device", [greeting, (profile, [device])]),
        ("a profile in a file", [greeting, (profile, [regular])]),
        ("a profile that may change",
         [greeting, (profile, [lambda: memfd(PPROF)])]),
        ("an empty profile", [greeting, (profile, [lambda: sealed(b"")])]),
        ("labels that are garbage",
         [greeting, (profile_message(labels=bytes_field(7, b"\xff\xff")),
                     [lambda: sealed(PPROF)])]),
        ("too many counters", [greeting, (many, [])]),
    ]


def shipper_among_strangers(tap):
    with Shipper(config(endpoint("http://127.0.0.1:9/")),
                 connect=False) as s:
        wait_until("it serves", lambda: s.page("/-/ready")[0] > 0)
        before = descriptors(s.process.pid)
        for name, packets in to_the_shipper():
            logged = len(s.log())
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
                sock.connect(s.socket_path)
                for data, fds in packets:
                    send(sock, data, fds)
                over = hung_up(sock)
            tap.ok(over and says(s.log, logged), f"to the shipper, {name}: it hangs up and "
                   "says so", (over, s.log()[logged:]))
        flood(tap, s)
        peer = Symbolizer(s.socket_path)
        tap.ok(peer.wait_configured(), "the shipper: the next one is served",
               s.log()[-2000:])
        peer.close()
        wait_until("it is gone", lambda: descriptors(s.process.pid) <= before)
        tap.ok(descriptors(s.process.pid) <= before,
               "the shipper: it keeps no descriptor of theirs",
               (before, descriptors(s.process.pid)))
        tap.ok(s.alive() and s.stop() == 0, "the shipper: it ends well",
               s.log()[-2000:])


def flood(tap, s):
    """Reports as fast as it takes them."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(s.socket_path)
    sock.settimeout(1)
    stop = threading.Event()
    sent = 0

    def reports():
        nonlocal sent
        report = bytes_field(LEDGER, fixed32(1, 1))
        send(sock, hello())
        while not stop.is_set() and send(sock, report):
            sent += 1
    thread = threading.Thread(target=reports)
    thread.start()
    slowest, pages = 0, 0
    memory = s.memory()
    end = time.monotonic() + 2
    while time.monotonic() < end:
        start = time.monotonic()
        pages += s.page("/metrics")[0] == 200
        slowest = max(slowest, time.monotonic() - start)
        time.sleep(0.05)
    stop.set()
    thread.join()
    sock.close()
    tap.ok(pages > 0 and slowest < 2 and sent > 1000,
           "a flood of reports: pages are served", (sent, pages, slowest))
    # the sanitizers keep what is freed
    tap.ok(sanitized() or s.memory() < memory + 4096, "a flood of reports: memory stays",
           (memory, s.memory()))


# ---- the symbolizer

class Listening:
    """One of the sockets that the symbolizer connects to."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(path)
        os.chmod(path, 0o777)
        self.socket.listen(4)

    def accept(self, seconds=10):
        self.socket.settimeout(seconds)
        return self.socket.accept()[0]


def settings(component=1, rate=100, name=b"phlare.ebpf.e",
             interval=10 ** 8):
    return bytes_field(2, fixed32(1, component) + bytes_field(2, name) +
                       fixed32(3, rate) + fixed64(4, interval) +
                       fixed32(5, 64) + fixed32(6, 128) + fixed32(7, 1024) +
                       fixed32(8, 1) + fixed32(9, 1) + fixed32(11, 2))


def targets(component=1):
    return bytes_field(3, fixed32(1, component))


def no_targets():
    return sealed(bytes_field(2, target({"service_name": "all"})))


class Alone:
    """phlare-symbolizer with nobody but us around, as a context."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="phlare-test-")
        os.chmod(self.dir, 0o755)
        paths = {n: f"{self.dir}/{n}.sock"
                 for n in ("collector", "opener", "shipper")}
        self.collector, self.opener, self.shipper = (
            Listening(p) for p in paths.values())
        self.log_path = f"{self.dir}/log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [f"{BUILD}/phlare-symbolizer", "--user", f"{UID}:{UID}"] +
                [f"--{n}-socket={p}" for n, p in paths.items()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self.process.pid
        return self

    def __exit__(self, *_exc):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for listening in (self.collector, self.opener, self.shipper):
            listening.socket.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def alive(self):
        return self.process.poll() is None

    def memory(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * 4

    def configured(self, **more):
        """A shipper that wants one component; with its connection."""
        sock = self.shipper.accept()
        send(sock, hello())
        send(sock, settings(**more))
        send(sock, targets(), [no_targets])
        return sock


def to_the_symbolizer():
    greeting = (hello(), [])
    good = (settings(), [])
    return GARBAGE + [
        ("component 0", [greeting, (settings(component=0), [])]),
        ("component 9", [greeting, (settings(component=9), [])]),
        ("rate 0", [greeting, (settings(rate=0), [])]),
        ("rate 100000", [greeting, (settings(rate=100000), [])]),
        ("interval 0", [greeting, (settings(interval=0), [])]),
        ("no name", [greeting, (settings(name=b""), [])]),
        ("a name that is too long",
         [greeting, (settings(name=b"e" * 200), [])]),
        ("targets of nobody", [greeting, (targets(5), [no_targets])]),
        ("targets without a descriptor", [greeting, good, (targets(), [])]),
        ("targets in a device", [greeting, good, (targets(), [device])]),
        ("targets that may change",
         [greeting, good, (targets(), [lambda: memfd(b"")])]),
        ("targets that are garbage",
         [greeting, good, (targets(), [lambda: sealed(b"\xff" * 99)])]),
        ("removal of component 99",
         [greeting, (bytes_field(4, fixed32(1, 99)), [])]),
    ]


SAMPLING = (bytes_field(7, fixed32(1, 100)), [])


def from_the_sampler():
    page = (hello(), [live_page])
    return [x for x in GARBAGE if x[0] != "a hello with a descriptor"] + [
        ("a hello without its page", [(hello(), [])]),
        ("a hello without session", [(hello(session=0), [live_page])]),
        ("two hellos", [page, page]),
        ("a batch before its hello",
         [(bytes_field(3, fixed64(1, 1) + fixed64(2, 9)), [device])]),
        ("process news before its hello", [(bytes_field(2, b""), [])]),
        ("an end before its hello", [(bytes_field(4, b""), [])]),
        ("a file before its hello", [(bytes_field(6, b""), [device])]),
        ("sampling before its hello", [SAMPLING]),
        ("sampling that begins twice", [page, SAMPLING, SAMPLING]),
        ("a batch without a descriptor",
         [page, (bytes_field(3, fixed64(1, 1) + fixed64(2, 9)), [])]),
        ("too many counters",
         [page, (bytes_field(4, bytes_field(3, bytes(8 * 65))), [])]),
    ]


def strangers(tap, s, who, listening, cases):
    """Each in turn; after the last one somebody is to be accepted."""
    sock = listening.accept()
    before = descriptors(s.pid)
    for name, packets in cases:
        logged = len(s.log())
        for data, fds in packets:
            send(sock, data, fds)
        over = hung_up(sock)
        sock.close()
        sock = listening.accept()
        tap.ok(over and says(s.log, logged),
               f"to the symbolizer, {who} with {name}: it hangs up, says so "
               "and tries again", (over, s.log()[logged:]))
    wait_until("the rest is closed", lambda: descriptors(s.pid) <= before + 4)
    # a component of its own, once: its two links, their events
    tap.ok(descriptors(s.pid) <= before + 4 and s.alive(),
           f"to the symbolizer, {who}: it keeps nothing",
           (before, descriptors(s.pid), s.log()[-2000:]))
    return sock


def symbolizer_among_strangers(tap):
    with Alone() as s:
        strangers(tap, s, "a shipper", s.shipper, to_the_symbolizer()).close()
    with Alone() as s, s.configured():
        strangers(tap, s, "a sampler", s.collector, from_the_sampler()).close()
        strangers(tap, s, "an opener", s.opener, GARBAGE).close()


# ---- batches

def counters():
    with open(f"{SOURCE}/common/ledger.h", encoding="utf-8") as f:
        return re.findall(r"^\tX\((\w+),", f.read(), re.M)


class FakeSampler:
    """One that says it has captured this much, in a batch of these bytes."""

    def __init__(self, sock):
        self.sock, self.captured, self.sequence = sock, 0, 0
        self.collected = 0
        send(sock, hello(), [live_page])
        send(sock, *SAMPLING)

    def batch(self, samples, make_fd):
        self.sequence += 1
        self.captured += samples
        send(self.sock, bytes_field(3, fixed64(1, self.sequence) +
                                    fixed64(2, samples)), [make_fd])

    def serve(self, seconds):
        """Answers Collect for so long."""
        names = counters()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except OSError:
                return
            for number, body in fields(data):
                if number != 3:
                    continue
                self.collected += 1
                values = [0] * len(names)
                values[names.index("RUNS")] = self.captured
                values[names.index("CAPTURED")] = self.captured
                packed = b"".join(v.to_bytes(8, "little") for v in values)
                send(self.sock, bytes_field(
                    4, fixed64(1, message(body).get(1, [0])[0]) +
                    fixed64(2, self.sequence) + bytes_field(3, packed)))


def last_report(sock):
    """name -> count of the newest LedgerReport that waits there."""
    names, found = counters(), {}
    while select.select([sock], [], [], 0.2)[0]:
        data, fds, _, _ = socket.recv_fds(sock, 65536, 4)
        for fd in fds:
            os.close(fd)
        if not data:
            break
        for number, body in fields(data):
            if number == LEDGER:
                packed = message(body)[2][0]
                found = {name: int.from_bytes(packed[8 * i:8 * i + 8],
                                              "little")
                         for i, name in enumerate(names)}
    return found


def malformed_batches(tap):
    header = (0x68635462).to_bytes(4, "little") + (2).to_bytes(4, "little")
    with Alone() as s, s.configured() as shipper, \
            s.collector.accept() as sock:
        sampler = FakeSampler(sock)
        sampler.batch(5, lambda: sealed(b""))
        sampler.batch(7, lambda: sealed(os.urandom(5000)))
        sampler.batch(11, lambda: sealed(header + b"\xff" * 4000))
        sampler.batch(13, lambda: memfd(bytes(4096)))
        sampler.batch(17, device)
        # it holds together, and holds none of the samples it speaks of
        sampler.batch(2 ** 40, lambda: sealed(header + bytes(4000)))
        sampler.serve(1.5)
        account = last_report(shipper)
        lost = 5 + 7 + 11 + 13 + 17 + 2 ** 40
        tap.ok(account.get("DROPPED_MALFORMED") == lost,
               "malformed batches: their samples are counted", account)
        moved = {n for n, v in account.items() if v}
        tap.ok(moved == {"RUNS", "CAPTURED", "SHIPPED", "DROPPED_MALFORMED"},
               "malformed batches: nothing else moves", moved)
        tap.ok(s.alive() and "does not hold together" in s.log(),
               "malformed batches: it is said, and life goes on",
               s.log()[-2000:])


# ---- a shipper that goes before it has what it asked for

def leaves_while_finishing(tap):
    with Alone() as s:
        first = s.configured()
        with s.collector.accept() as sock:
            sampler = FakeSampler(sock)
            sampler.serve(0.5)
            send(first, bytes_field(6, fixed32(1, 0)))
            time.sleep(0.3)  # it has asked the sampler, who does not answer
            first.close()
            with s.configured():
                sampler.serve(0.5)
                before = sampler.collected
                sampler.serve(1.5)
                tap.ok(sampler.collected > before + 5,
                       "a shipper that goes while it finishes: the next one "
                       "gets its intervals", (before, sampler.collected))


# ---- a shipper without an end

def only_configures(tap):
    """Settings and targets over and over, and nothing is ever taken."""
    with Alone() as s, s.configured() as sock:
        sock.setblocking(False)
        for i in range(20000):
            if i == 1000:
                before = s.memory(), descriptors(s.pid)
            with contextlib.suppress(BlockingIOError):
                sock.sendmsg([settings(rate=1 + i % 99)])
            fd = no_targets()
            with contextlib.suppress(BlockingIOError):
                sock.sendmsg([targets()], [(
                    socket.SOL_SOCKET, socket.SCM_RIGHTS,
                    array.array("i", [fd]))])
            os.close(fd)
            while select.select([sock], [], [], 0)[0]:
                if not sock.recv(65536):
                    break
        time.sleep(1)
        after = s.memory(), descriptors(s.pid)
        tap.ok((sanitized() or after[0] < before[0] + 4096) and
               after[1] <= before[1] + 2 and s.alive(), "a shipper that only configures: nothing grows",
               (before, after, s.log()[-1000:]))
        # what it never had is taken
        for number in (0, 1, 2 ** 63):
            sock.setblocking(True)
            send(sock, bytes_field(5, fixed64(1, number)))
        time.sleep(0.3)
        tap.ok(s.alive(), "profiles taken that never were: ignored",
               s.log()[-1000:])


def main():
    need_root()
    tap = Tap()
    shipper_among_strangers(tap)
    symbolizer_among_strangers(tap)
    malformed_batches(tap)
    leaves_while_finishing(tap)
    only_configures(tap)
    tap.done()


if __name__ == "__main__":
    main()
