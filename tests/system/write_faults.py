#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Servers that are dead, slow, silent or hostile, and disks that are full: the
shipper lives, stays small, delays nobody else, and counts what it dropped."""

import contextlib
import glob
import gzip
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time

from http_peers import RawServer, Recorder, read_request
from phlare import (BUILD, Profile, Run, Tap, need_root, processes, scratch,
                    wait_until)
from shipper_peer import (UID, Shipper, config, endpoint, sanitized)

# Growth of resident memory that a bounded queue may cause, in KiB.
GROWTH_MAX = 8192
QUEUE = 256
IMPATIENT = 'min_backoff_period = "20ms"\n max_backoff_period = "50ms"\n' \
    'remote_timeout = "400ms"\n'


def small(shipper, before):
    """Whether it has not grown; sanitizers keep what was freed."""
    return sanitized() or shipper.memory() - before < GROWTH_MAX


def series(n):
    return {"__name__": "x", "service_name": "s", "n": str(n)}


# ---- nobody waits for a dead endpoint

def dead_beside_alive(tap):
    """One that hangs, one that refuses, one that works."""
    hung = RawServer(lambda peer: time.sleep(60))
    refusing = socket.socket()
    refusing.bind(("127.0.0.1", 0))
    port = refusing.getsockname()[1]
    forever = "max_backoff_retries = 0\n"
    with Recorder() as good, Shipper(config(
            endpoint(hung.url, forever),
            endpoint(f"http://127.0.0.1:{port}", IMPATIENT + forever),
            endpoint(good.url))) as s:
        before, gaps = s.memory(), []
        for n in range(400):
            start = time.monotonic()
            s.symbolizer.push(labels=series(n))
            if not good.wait(n + 1, 5):
                break
            gaps.append(time.monotonic() - start)
        tap.ok(len(gaps) == 400 and max(gaps) < 0.5,
               f"400 profiles reach the one that works, the slowest after "
               f"{max(gaps) * 1000:.0f} ms", s.log())
        url = f"http://127.0.0.1:{port}"
        wait_until("answers", lambda: s.write_metric(
            "sent_profiles", good.url) == 400)
        m = s.metrics()

        def of(name, where):
            return m.get(f'phlare_write_{name}{{component_id="phlare.write.w"'
                         f',endpoint="{where}"}}', 0)

        # what is on its way when the queue is full is not dropped
        tap.ok(of("queued_profiles", url) == QUEUE and
               of("dropped_profiles_total", url) == 400 - QUEUE and
               of("queued_profiles", hung.url) == QUEUE and
               of("dropped_profiles_total", hung.url) == 400 - QUEUE and
               of("sent_profiles_total", good.url) == 400,
               "queues are bounded and what did not fit is counted", m)
        # the four that hang have their outcome only with the hung one
        tap.ok(s.outcomes() == {"dropped_queue": 400 - QUEUE - 4} and
               s.symbolizer.wait_for(
                   lambda: len(s.symbolizer.taken) == 400 - QUEUE - 4),
               "the symbolizer may forget those",
               (s.outcomes(), len(s.symbolizer.taken)))
        tap.ok(small(s, before),
               f"memory: {before} KiB before, {s.memory()} KiB after")
        status, text = s.page("/-/healthy")
        tap.ok(status == 503 and f"endpoint {url} has failed" in text and
               good.url not in text, "health names who fails", text)
        # the refusing one comes back
        refusing.close()
        with Recorder(port=port) as back:
            tap.ok(back.wait(QUEUE, 20) and wait_until(
                "answers", lambda: s.write_metric(
                    "sent_profiles", url) == QUEUE),
                "all that waited is delivered",
                (len(back.requests), s.log()))
            got = [dict(r.series()[0][0])["n"] for r in back.requests]
            tap.ok(sorted(got, key=int) == [str(n) for n in
                                            range(400 - QUEUE, 400)],
                   "it is the newest, each of them once", got)
        m = s.metrics()
        tap.ok(of("sent_profiles_total", url) == QUEUE and
               of("queued_profiles", url) == 0,
               "sent + dropped = built", m)
    hung.stop()


def bytes_are_bounded(tap):
    hung = RawServer(lambda peer: time.sleep(60))
    data = os.urandom(4 << 20)
    with Recorder() as good, \
            Shipper(config(endpoint(hung.url), endpoint(good.url))) as s:
        for n in range(20):
            s.symbolizer.push(data, labels=series(n))
            good.wait(n + 1)
        m = s.metrics()
        queued = m[f'phlare_write_queued_bytes{{component_id="phlare.write.w"'
                   f',endpoint="{hung.url}"}}']
        tap.ok(28 << 20 <= queued <= 32 << 20 and len(good.requests) == 20 and
               s.outcomes() == {"dropped_queue": 12},
               f"{queued / 2 ** 20:.0f} MiB wait, the rest is dropped",
               (s.outcomes(), queued))
    hung.stop()


def order_in_a_series(tap):
    """A failure holds up its own series, in order; others overtake it."""
    fail = {"n": 3}

    def answer(request):
        name = dict(request.series()[0][0])["n"]
        if name == "slow" and fail["n"] > 0:
            fail["n"] -= 1
            return 503, {}, b""
        return 200, {}, b""

    with Recorder(answer) as server, Shipper(config(endpoint(
            server.url, 'min_backoff_period = "200ms"'))) as s:
        for n in range(5):
            s.symbolizer.push(bytes([n]) * 20, labels=series("slow"))
        for n in range(5):
            s.symbolizer.push(bytes([n]) * 20, labels=series(f"fast{n}"))
        s.symbolizer.wait_taken()
        names = [dict(r.series()[0][0])["n"] for r in server.requests]
        order = [r.series()[0][1][0][0] for r in server.requests
                 if dict(r.series()[0][0])["n"] == "slow"]
        tap.ok(order == [0, 0, 0, 0, 1, 2, 3, 4] and
               s.outcomes() == {"sent": 10}, "a series stays in order",
               (order, s.outcomes()))
        tap.ok(all(names.index(f"fast{n}") < 6 for n in range(5)),
               "others do not wait for it", names)


def silent_name_server(tap):
    """A name that is never resolved stops nothing."""
    with scratch() as dir_, Recorder() as good, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.53.53", 53))
        with open(f"{dir_}/resolv.conf", "w", encoding="ascii") as f:
            f.write("nameserver 127.0.53.53\noptions timeout:5 attempts:3\n")
        wrapper = ["unshare", "-m", "bash", "-c",
                   f"mount --bind {dir_}/resolv.conf /etc/resolv.conf && "
                   'exec "$@"', "bash"]
        with Shipper(config(
                endpoint("http://dead.example:4100", IMPATIENT),
                endpoint(good.url)), wrapper=wrapper) as s:
            slowest, end = 0, time.monotonic() + 4
            count = 0
            while time.monotonic() < end:
                start = time.monotonic()
                s.symbolizer.push(labels=series(count))
                count += 1
                if not good.wait(count, 10):
                    break
                s.page("/metrics")
                slowest = max(slowest, time.monotonic() - start)
                time.sleep(0.05)
            silent.setblocking(False)
            asked = silent.recv(512)
            tap.ok(slowest < 0.5 and b"dead" in asked,
                   f"pushes and pages go on: {slowest * 1000:.0f} ms at most",
                   s.log())
            tap.ok(s.symbolizer.wait_taken(1, seconds=20) and
                   s.outcomes().get("dropped_retries", 0) >= 1 and
                   "deadline_exceeded" in s.log(),
                   "attempts end with their time", (s.outcomes(), s.log()))
            threads = len(os.listdir(f"/proc/{s.process.pid}/task"))
            tap.ok(threads < 200, f"{threads} threads wait for names")
            start = time.monotonic()
            s.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            s.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                s.process.wait(timeout=20)
            took = time.monotonic() - start
            tap.ok(took < 3, f"and they do not hold up its end: {took:.1f} s")


def many_reloads(tap):
    """Receivers that are gone keep what they have, within one bound."""
    with RawServer(lambda peer: time.sleep(60)) as hung, Shipper(
            config(endpoint(hung.url, "max_backoff_retries = 0"))) as s:
        before, total = s.memory(), 0
        for round_ in range(10):
            for n in range(QUEUE):
                s.symbolizer.push(labels=series(n))
            total += QUEUE
            s.reload(config(endpoint(
                hung.url, f'headers = {{ "X-Round" = "{round_}" }}')))
        wait_until("all of them", lambda: s.outcomes().get(
            "dropped_queue", 0) == total - 2048)
        m = s.metrics()
        tap.ok(m["phlare_ebpf_profiles_queued"] == 2048 and
               s.outcomes() == {"dropped_queue": total - 2048},
               "2048 wait in all, the others are counted",
               (s.outcomes(), s.log()[-2000:]))
        tap.ok(not s.symbolizer.closed and
               "too many wait to be pushed" in s.log(),
               "nobody is disconnected for it", s.log()[-2000:])
        tap.ok(sanitized() or s.memory() - before < 4 * GROWTH_MAX,
               f"memory: {before} KiB before, {s.memory()} KiB after")
        fds = len(os.listdir(f"/proc/{s.process.pid}/fd"))
        tap.ok(fds < 2300, f"{fds} descriptors are open")


# ---- hostile answers

def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))


def closes(peer):
    reset(peer)


def reads_and_closes(peer):
    read_request(peer)


def reads_and_resets(peer):
    read_request(peer)
    reset(peer)


def says_nothing(peer):
    time.sleep(1)


def says(*parts, pause=0.0, after=0.0):
    def talk(peer):
        read_request(peer)
        for part in parts:
            peer.sendall(part)
            time.sleep(pause)
        time.sleep(after)
    return talk


def for_ever(head, part, pause=0.0):
    def talk(peer):
        read_request(peer)
        peer.sendall(head)
        while True:
            peer.sendall(part)
            time.sleep(pause)
    return talk


def numbered_headers(peer):
    read_request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    n = 0
    while True:
        peer.sendall(b"".join(b"X-%d: %d\r\n" % (n + i, n)
                              for i in range(1000)))
        n += 1000


def answer(status, body=b"", *headers, size=None):
    lines = [f"HTTP/1.1 {status} X".encode(),
             f"Content-Length: {len(body) if size is None else size}".encode(),
             *headers]
    return says(b"\r\n".join(lines) + b"\r\n\r\n" + body)


def bomb():
    return gzip.compress(bytes(64 << 20))


def hostile_answers():
    """name, how it talks, the outcome of its pushes."""
    retries, refused = "dropped_retries", "dropped_refused"
    deep = b"[" * 60000
    long_text = json.dumps({"code": "internal",
                            "message": "x\n\x1b[2J" * 8000}).encode()
    forged = json.dumps({"code": "internal", "message":
                         "x\nhealthy\n<3>phlare-shipper: all is well"}
                        ).encode()
    gzip_header = b"Content-Encoding: gzip"
    return (
        ("it resets the connection", closes, retries),
        ("it closes after the request", reads_and_closes, retries),
        ("it resets after the request", reads_and_resets, retries),
        ("it says nothing", says_nothing, retries),
        ("half a status line", says(b"HTTP/1.1 2"), retries),
        ("half a head", says(b"HTTP/1.1 200 OK\r\nContent-Ty"), retries),
        ("half a body", answer(200, b"\x08\x01", size=100), retries),
        ("half a body, then silence",
         says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", after=1),
         retries),
        ("random bytes", says(os.urandom(65536)), retries),
        ("another protocol", says(b"SSH-2.0-OpenSSH_9.2\r\n"), retries),
        ("HTTP/0.9", says(b"<html>hello</html>"), retries),
        ("an empty head", says(b"\r\n\r\n"), retries),
        ("status 0", answer("000"), retries),
        ("status 99999", answer("99999"), retries),
        ("a negative length", answer(200, b"x", size=-5), retries),
        ("a length over 64 bits", answer(200, b"x", size=10 ** 30), None),
        ("two lengths", answer(200, b"x", b"Content-Length: 5"), retries),
        ("an endless body", for_ever(
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            bytes(65536)), refused),
        ("an endless body of an error", for_ever(
            b"HTTP/1.1 503 X\r\nContent-Length: 99999999999\r\n\r\n",
            bytes(65536)), retries),
        ("endless chunks", for_ever(
            b"HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"8000\r\n" + bytes(32768) + b"\r\n"), retries),
        ("a chunk without an end", for_ever(
            b"HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"f" * 4096), retries),
        ("endless headers", numbered_headers, retries),
        ("an endless header", for_ever(
            b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65536), retries),
        ("endless interim answers", for_ever(
            b"", b"HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n" * 100),
         retries),
        ("a byte now and then", for_ever(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"\x08",
            pause=0.05), retries),
        ("a header now and then", for_ever(
            b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", pause=0.05), retries),
        ("a gzip bomb", answer(200, bomb(), gzip_header), refused),
        ("a gzip bomb of an error", answer(500, bomb(), gzip_header),
         retries),
        ("gzip that is none", answer(200, b"no gzip at all", gzip_header),
         retries),
        ("gzip of gzip of gzip ...", answer(
            200, b"", b"Content-Encoding: " + b", ".join([b"gzip"] * 50)),
         None),
        ("trailers", says(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\nX-A: b\r\nX-C: d\r\n\r\n"), "sent"),
        ("an interim answer first", says(
            b"HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "sent"),
        ("an interim answer only", says(
            b"HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n"), retries),
        ("an empty gzip body", answer(200, b"", gzip_header), "sent"),
        ("gzip of nothing", answer(200, gzip.compress(b""), gzip_header),
         "sent"),
        ("deep JSON", answer(500, deep), retries),
        ("a long message", answer(500, long_text), retries),
        ("a message with lines of its own", answer(500, forged), retries),
        ("a page of a proxy", answer(
            502, b"<html>Bad Gateway</html>", b"Content-Type: text/html"),
         retries),
        ("a page that says 200", answer(
            200, b"<html>Log in</html>", b"Content-Type: text/html"),
         refused),
        ("204", says(b"HTTP/1.1 204 No Content\r\n\r\n"), retries),
        ("a redirect to itself", answer(
            307, b"", b"Location: /push.v1.PusherService/Push"), retries),
        ("a redirect with a long target", answer(
            307, b"", b"Location: http://127.0.0.1/" + b"a" * 60000),
         retries),
        ("Retry-After without sense", answer(
            503, b"", b"Retry-After: 99999999999999999999"), retries),
        ("Retry-After below zero", answer(503, b"", b"Retry-After: -5"),
         retries),
    )


def hostile_servers(tap):
    server = RawServer(None)
    rows = hostile_answers()
    with Shipper(config(endpoint(
            server.url, IMPATIENT + "max_backoff_retries = 2\n"))) as s:
        server.talk = answer(200)
        s.symbolizer.wait_taken(s.symbolizer.push())
        before, built, wanted = s.memory(), 1, {"sent": 1}
        largest = before
        for name, talk, outcome in rows:
            server.talk = talk
            had = s.outcomes()
            numbers = [s.symbolizer.push(labels=series(n)) for n in range(4)]
            built += 4
            done = s.symbolizer.wait_taken(*numbers, seconds=20)
            now = s.outcomes()
            moved = {k: v - had.get(k, 0) for k, v in now.items()
                     if v != had.get(k, 0)}
            if outcome is None:  # either way is right
                outcome = next(iter(moved), "sent")
            wanted[outcome] = wanted.get(outcome, 0) + 4
            largest = max(largest, s.memory())
            tap.ok(done and s.alive() and moved == {outcome: 4}, name,
                   (moved, s.log()[-1500:]))
        tap.ok(s.outcomes() == wanted and
               s.write_metric("sent_profiles") +
               s.write_metric("dropped_profiles") == built ==
               sum(s.outcomes().values()),
               "sent + dropped = built", (s.outcomes(), built))
        tap.ok(sanitized() or largest - before < GROWTH_MAX,
               f"memory: {before} KiB before, {largest} KiB at most")
        status, text = s.page("/-/healthy")
        tap.ok(status == 503 and text.count("\n") == 1,
               "health is one line for one cause", text)
        log = s.log()
        tap.ok("\x1b" not in log and "\nhealthy" not in log and all(
            line.startswith("phlare-shipper: ")
            for line in log.splitlines()),
            "no server wrote a line of the log", log[-3000:])
        server.talk = answer(200)
        s.symbolizer.wait_taken(s.symbolizer.push())
        tap.ok(s.page("/-/healthy") == (200, "healthy\n"),
               "and all is well when it is", s.page("/-/healthy"))
    server.stop()


def not_tls(tap):
    def talk(peer):
        peer.recv(4096)
        peer.sendall(os.urandom(4096))

    with RawServer(talk) as server, Shipper(config(endpoint(
            server.url.replace("http:", "https:"),
            IMPATIENT + "max_backoff_retries = 2"))) as s:
        s.symbolizer.wait_taken(s.symbolizer.push())
        tap.ok(s.alive() and s.outcomes() == {"dropped_retries": 1},
               "garbage instead of TLS", (s.outcomes(), s.log()))


def slow_but_steady(tap):
    """A server that reads slowly, and one that answers late: both in time."""
    def talk(peer):
        left = 300000
        while left > 0:
            left -= len(peer.recv(4096))
            time.sleep(0.002)
        time.sleep(0.3)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with RawServer(talk) as server, Shipper(config(endpoint(server.url))) as s:
        done = s.symbolizer.wait_taken(s.symbolizer.push(bytes(299800)),
                                       seconds=15)
        tap.ok(done and s.outcomes() == {"sent": 1},
               "a slow server gets its time", (s.outcomes(), s.log()))


def the_end(tap):
    """What cannot be delivered at the end is counted in the ledger."""
    with RawServer(lambda peer: time.sleep(60)) as hung:
        with Shipper(config(endpoint(hung.url,
                                     "max_backoff_retries = 0"))) as s:
            for n in range(10):
                s.symbolizer.push(labels=series(n))
            wait_until("pushes", lambda: hung.connections > 0)
            s.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            still = s.alive()
            s.process.send_signal(signal.SIGTERM)
            status = s.process.wait(timeout=10)
            with open(s.ledger_path, encoding="utf-8") as f:
                ledger = dict(line.rsplit(" ", 1) for line in f)
            tap.ok(still and status == 0 and
                   int(ledger["profiles_dropped_retries"]) == 10 and
                   int(ledger["profiles_queued"]) == 0,
                   "what the end left over is counted",
                   (status, ledger.get("profiles_dropped_retries"), s.log()))
            tap.ok(s.symbolizer.wait_taken(),
                   "and the symbolizer knows", s.log())


# ---- disks

@contextlib.contextmanager
def tiny_disk(size="256k"):
    """(directory, how to start a program that sees a small disk there)."""
    with scratch() as dir_:
        where = f"{dir_}/disk"
        os.mkdir(where)
        yield where, ["unshare", "-m", "bash", "-c",
                      f"mount -t tmpfs -o size={size},mode=0777 none {where} "
                      '&& exec "$@"', "bash"]


def full_disk(tap):
    with tiny_disk() as (where, wrapper), Recorder() as server, Shipper(
            config(endpoint(f"file://{where}"), endpoint(server.url)),
            wrapper=wrapper) as s:
        inside = f"/proc/{s.process.pid}/root{where}"

        def push(data, n=0):
            number = s.symbolizer.push(data, labels=series(n))
            return s.symbolizer.wait_taken(number)

        data = os.urandom(20000)
        push(data)
        names = os.listdir(inside)
        tap.ok(len(names) == 1 and s.outcomes() == {"sent": 1},
               "a profile is a file", (names, s.log()))
        with open(f"{inside}/{names[0]}", "rb") as f:
            tap.ok(f.read() == data, "with just its bytes")
        filler = os.open(f"{inside}/filler", os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while os.write(filler, bytes(4096)):
                pass
        os.close(filler)
        for n in range(5):
            push(os.urandom(20000), n)
        left = sorted(os.listdir(inside))
        url = f"file://{where}"
        tap.ok(left == sorted(["filler", *names]),
               "full disk: nothing partial is left", left)
        tap.ok(s.outcomes() == {"sent": 1, "dropped_disk": 5} and
               s.write_metric("dropped_profiles", url) == 5 and
               s.write_metric("dropped_bytes", url) == 100000 and
               s.write_metric("sent_profiles", server.url) == 6,
               "full disk: what was dropped is counted, others get theirs",
               s.outcomes())
        tap.ok(f"cannot write a profile to {url}: No space left on device" in
               s.log(), "full disk: the log says so", s.log())
        status, text = s.page("/-/healthy")
        tap.ok(status == 503 and "No space left on device" in text,
               "full disk: and so does health", text)
        os.unlink(f"{inside}/filler")
        push(data, 9)
        tap.ok(s.outcomes() == {"sent": 2, "dropped_disk": 5} and
               len(os.listdir(inside)) == 2 and
               s.page("/-/healthy")[0] == 200,
               "room again: it goes on", (os.listdir(inside), s.log()))


@contextlib.contextmanager
def disk_that_freezes():
    """(directory, how to start a program that sees a file system there)."""
    with scratch() as dir_:
        where, image = f"{dir_}/disk", f"{dir_}/image"
        os.mkdir(where)
        with open(image, "wb") as f:
            f.truncate(16 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-E", f"root_owner={UID}:{UID}",
                        image], check=True)
        yield where, ["unshare", "-m", "bash", "-c",
                      f'mount -o loop {image} {where} && exec "$@"', "bash"]


@contextlib.contextmanager
def frozen(path):
    """Who writes to this file system waits meanwhile, and nothing ends it."""
    subprocess.run(["fsfreeze", "-f", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "-u", path], check=True)


def hung_disk(tap):
    """It delays only what is to be written to it."""
    with disk_that_freezes() as (where, wrapper), Recorder() as server, \
            Shipper(config(endpoint(f"file://{where}"),
                           endpoint(server.url)), wrapper=wrapper) as s:
        inside = f"/proc/{s.process.pid}/root{where}"
        s.symbolizer.wait_taken(s.symbolizer.push(labels=series(0)))
        tap.ok(len(glob.glob(f"{inside}/*.pb.gz")) == 1 and
               s.outcomes() == {"sent": 1}, "a disk is written to",
               (os.listdir(inside), s.log()))
        with frozen(inside):
            gaps, pages = [], []
            for n in range(1, 21):
                start = time.monotonic()
                number = s.symbolizer.push(labels=series(n))
                if not server.wait(n + 1, 5):
                    break
                gaps.append(time.monotonic() - start)
                start = time.monotonic()
                s.page("/metrics")
                pages.append(time.monotonic() - start)
            tap.ok(len(gaps) == 20 and max(gaps + pages) < 0.5,
                   "a disk that hangs: others get theirs, the slowest after "
                   f"{max(gaps, default=9):.3f} s, pages after "
                   f"{max(pages, default=9):.3f} s", s.log())
            tap.ok(number not in s.symbolizer.taken and
                   s.outcomes() == {"sent": 1},
                   "a disk that hangs: nothing counts as sent", s.outcomes())
        tap.ok(s.symbolizer.wait_taken() and s.outcomes() == {"sent": 21} and
               len(glob.glob(f"{inside}/*.pb.gz")) == 21,
               "a disk that hung: all are written in the end",
               (s.outcomes(), s.log()))
        status = s.stop()
        tap.ok(status == 0, "a disk that hung: the shipper ends well", status)


def interrupted_writes(tap):
    """kill -9 while it writes: whole files only, and the rest goes later."""
    with scratch() as dir_:
        where = f"{dir_}/out"
        os.mkdir(where)
        os.chown(where, UID, UID)
        bad = 0
        for _ in range(5):
            with Shipper(config(endpoint(f"file://{where}"))) as s:
                data = os.urandom(3 << 20)

                def feed(peer=s.symbolizer, data=data):
                    with contextlib.suppress(OSError):
                        for n in range(50):
                            peer.push(data, labels=series(n))

                threading.Thread(target=feed, daemon=True).start()
                wait_until("files", lambda: glob.glob(f"{where}/*.pb.gz"),
                           every=0.002)
                time.sleep(0.02)
                s.process.kill()
                s.process.wait()
                for path in glob.glob(f"{where}/*.pb.gz"):
                    with open(path, "rb") as f:
                        bad += f.read() != data
                    os.unlink(path)
        tap.ok(bad == 0, "kill -9 leaves whole files only", bad)
        left = glob.glob(f"{where}/.*.tmp")
        for path in left:
            os.utime(path, (0, 0))
        with Shipper(config(endpoint(f"file://{where}"))) as s:
            s.symbolizer.wait_taken(s.symbolizer.push())
            tap.ok(not glob.glob(f"{where}/.*") and
                   len(os.listdir(where)) == 1,
                   f"{len(left)} unfinished ones are cleared away later",
                   os.listdir(where))


def cap_of_a_directory(tap):
    with scratch() as dir_:
        where = f"{dir_}/out"
        os.mkdir(where)
        os.chown(where, UID, UID)
        with Shipper(config(endpoint(
                f"file://{where}?max_bytes=100000"))) as s:
            largest = 0
            for n in range(40):
                s.symbolizer.wait_taken(
                    s.symbolizer.push(os.urandom(9000), labels=series(n)))
                largest = max(largest, sum(
                    os.path.getsize(p) for p in glob.glob(f"{where}/*")))
            tap.ok(60000 < largest <= 100000 and
                   s.outcomes() == {"sent": 40},
                   f"the directory holds {largest} bytes at most",
                   (s.outcomes(), s.log()))
            s.symbolizer.wait_taken(s.symbolizer.push(bytes(100001)))
            tap.ok(s.outcomes() == {"sent": 40, "dropped_disk": 1} and
                   len(os.listdir(where)) > 5,
                   "what can never fit is dropped, and nothing for it",
                   s.outcomes())


# ---- with everything around it

def collection_goes_on(tap):
    """Intervals follow each other while an endpoint hangs."""
    with RawServer(lambda peer: time.sleep(60)) as hung, \
            Recorder() as good, \
            processes([f"{BUILD}/tests/targets/spin"]), \
            Run(f"""phlare.write "w" {{
              {endpoint(hung.url)} {endpoint(good.url)}
            }}
            phlare.ebpf "e" {{
              forward_to = [phlare.write.w.receiver]
              collect_interval = "1s"
            }}""") as run:
        good.wait(9, 20)
        profiles = [Profile(raw) for r in good.requests
                    for _, raws in r.series() for raw in raws]
        log = run.log()
    ends = [p.time + p.duration for p in profiles]
    late = [(b.time - end) / 1e9 for end, b in zip(ends, profiles[1:])]
    tap.ok(len(profiles) >= 9 and hung.connections > 0 and
           all(abs(gap) < 0.2 for gap in late),
           f"no interval waits for the one that hangs: gaps of "
           f"{max(map(abs, late), default=9) * 1000:.0f} ms at most",
           (late, log))


def main():
    need_root()
    tap = Tap()
    dead_beside_alive(tap)
    bytes_are_bounded(tap)
    order_in_a_series(tap)
    silent_name_server(tap)
    many_reloads(tap)
    hostile_servers(tap)
    not_tls(tap)
    slow_but_steady(tap)
    the_end(tap)
    full_disk(tap)
    hung_disk(tap)
    interrupted_writes(tap)
    cap_of_a_directory(tap)
    collection_goes_on(tap)
    tap.done()


if __name__ == "__main__":
    main()
