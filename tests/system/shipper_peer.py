# SPDX-License-Identifier: Apache-2.0
"""The shipper alone: started with its socket, and a symbolizer for it that
says what the test wants. Nothing here needs BPF."""

import array
import contextlib
import fcntl
import gzip
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

from phlare import (BUILD, SOURCE, fields, free_port, message, sanitized,
                    status_of, wait_until)

# Nobody's: what the shipper becomes when it is started as root.
UID = 61184
# A whole pprof, to push.
PPROF = bytes.fromhex(
    "0a0408011002120a0a020201120480ade2041a0408013801220808011001220208012208"
    "08021001220208022a04080110032a040802100432003203637075320b6e616e6f736563"
    "6f6e647332046d61696e3204776f726b488080a8b1e39fe7cb175080c8afa0255a040801"
    "10026080ade204")
LABELS = {"__name__": "process_cpu", "service_name": "test"}


# ---- messages of common/shipper.proto, written by hand

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def bytes_field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def fixed32(number, value):
    return varint(number << 3 | 5) + struct.pack("<I", value)


def fixed64(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def target(labels):
    pairs = labels.items() if isinstance(labels, dict) else labels
    return b"".join(
        bytes_field(1, bytes_field(1, n.encode()) + bytes_field(2, v.encode()))
        for n, v in sorted(pairs))


HELLO, PROFILE, LEDGER, STATUS, FINISH_DONE = 1, 2, 3, 4, 5
SETTINGS, TARGETS, REMOVE, TAKEN, FINISH = 2, 3, 4, 5, 6


def sealed(data):
    fd = os.memfd_create("profile", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS,
                fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE |
                fcntl.F_SEAL_SEAL)
    return fd


class Symbolizer:
    """A client of shipper.sock that pushes what it is told to."""

    def __init__(self, path, session=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        self.session = session or int.from_bytes(os.urandom(7), "little") + 1
        self.sent, self.taken, self.commands = {}, {}, []
        self.closed = False
        self.changed = threading.Condition()
        self.next_id = 1
        threading.Thread(target=self.read, daemon=True).start()
        self.send(HELLO, fixed32(1, 1) + fixed32(2, 1) +
                  fixed64(3, self.session))

    def send(self, number, body, fd=None):
        ancillary = [] if fd is None else [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        self.socket.sendmsg([bytes_field(number, body)], ancillary)

    def read(self):
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(65536, 64)
            except OSError:
                data = b""
            if not data:
                break
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    for fd in array.array("i", content):
                        os.close(fd)
            with self.changed:
                for number, body in fields(data):
                    self.commands.append((number, body))
                    if number == TAKEN:
                        taken = message(body).get(1, [0])[0]
                        self.taken[taken] = time.monotonic()
                self.changed.notify_all()
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def push(self, data=None, labels=None, component=1, time_ns=None,
             samples=1):
        """Its number."""
        data = gzip.compress(PPROF) if data is None else data
        number, self.next_id = self.next_id, self.next_id + 1
        body = (fixed64(1, number) + fixed32(2, component) +
                fixed64(3, samples) +
                fixed64(4, time.time_ns() if time_ns is None else time_ns) +
                fixed64(5, 10 ** 10) + fixed64(6, len(data)) +
                bytes_field(7, target(LABELS if labels is None else labels)))
        fd = sealed(data)
        try:
            self.sent[number] = time.monotonic()
            self.send(PROFILE, body, fd)
        finally:
            os.close(fd)
        return number

    def wait_for(self, ready, seconds=10.0):
        with self.changed:
            return self.changed.wait_for(
                lambda: ready() or self.closed, seconds) and ready()

    def wait_taken(self, *numbers, seconds=10.0):
        """Whether the shipper is done with all of them, within that time."""
        wanted = set(numbers or self.sent)
        return self.wait_for(lambda: wanted <= set(self.taken), seconds)

    def wait_configured(self, seconds=10.0):
        return self.wait_for(lambda: any(
            n == SETTINGS for n, _ in self.commands), seconds)

    def latency(self, number):
        return self.taken[number] - self.sent[number]

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Shipper:
    """phlare-shipper under its sandbox, as a context."""

    def __init__(self, config, *options, environment=None, wrapper=(),
                 connect=True, uid=UID):
        self.dir = tempfile.mkdtemp(prefix="phlare-test-")
        os.chmod(self.dir, 0o755)
        self.config_path = f"{self.dir}/config.river"
        self.ledger_path = f"{self.dir}/state/ledger"
        os.mkdir(f"{self.dir}/state")
        os.chown(f"{self.dir}/state", uid, uid)
        self.write_config(config)
        self.socket_path = f"{self.dir}/shipper.sock"
        self.log_path = f"{self.dir}/log"
        self.port = free_port()
        self.connect = connect
        self.environment = {**os.environ, "LISTEN_FDS": "1",
                            "LISTEN_FDNAMES": "shipper",
                            **(environment or {})}
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listening.bind(self.socket_path)
        self.listening.listen(4)
        # it takes the socket at descriptor 3
        self.fd = fd = fcntl.fcntl(self.listening, fcntl.F_DUPFD_CLOEXEC, 10)
        self.command = [
            "bash", "-c", f'exec "$@" 3<&{fd} {fd}<&-', "bash", *wrapper,
            f"{BUILD}/phlare-shipper", "--user", f"{uid}:{uid}",
            "--listen", f"127.0.0.1:{self.port}",
            "--ledger", self.ledger_path, *options, self.config_path]
        self.process = self.symbolizer = None

    def write_config(self, text):
        with open(self.config_path, "w", encoding="utf-8") as f:
            f.write(text)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[self.fd], env=self.environment)
        if self.connect:
            self.symbolizer = Symbolizer(self.socket_path)
            if not self.symbolizer.wait_configured():
                raise RuntimeError("no settings came: " + self.log())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_exc):
        if self.symbolizer:
            with contextlib.suppress(OSError):
                self.symbolizer.close()
        self.stop()
        self.listening.close()
        os.close(self.fd)
        shutil.rmtree(self.dir, ignore_errors=True)

    def stop(self, seconds=25):
        """Exit status, or None if it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def reload(self, config):
        self.write_config(config)
        before = self.log().count("reloaded")
        self.process.send_signal(signal.SIGHUP)
        return wait_until("reloaded",
                          lambda: self.log().count("reloaded") > before)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def page(self, path):
        """(status, text)"""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}{path}",
                             timeout=5) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metrics(self):
        """name{labels} -> value."""
        lines = self.page("/metrics")[1].splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in lines if line and not line.startswith("#")}

    def profiles(self, outcome):
        """So many had it, over all components."""
        return int(sum(
            v for k, v in self.metrics().items()
            if k.startswith("phlare_ebpf_profiles_total{") and
            f'outcome="{outcome}"' in k))

    def outcomes(self):
        """outcome -> profiles, those that had none left out."""
        found = {}
        for k, v in self.metrics().items():
            m = re.match(r'phlare_ebpf_profiles_total\{.*outcome="(\w+)"', k)
            if m and v:
                found[m[1]] = found.get(m[1], 0) + int(v)
        return found

    def write_metric(self, name, url=None):
        """The phlare_write_*_total of that name over endpoints, or of one."""
        return int(sum(
            v for k, v in self.metrics().items()
            if k.startswith(f"phlare_write_{name}_total{{") and
            (url is None or f'endpoint="{url}"' in k)))

    def memory(self):
        """Resident KiB."""
        return int(status_of(self.process.pid)["VmRSS"].split()[0])

    def alive(self):
        return self.process.poll() is None


def endpoint(url, body=""):
    return f'endpoint {{\n    url = "{url}"\n    {body}\n  }}\n'


def config(*endpoints, extra=""):
    """One phlare.write with these endpoints, and what it writes for."""
    return f"""phlare.write "w" {{
  {extra}
  {"  ".join(endpoints)}
}}
phlare.ebpf "e" {{
  forward_to = [phlare.write.w.receiver]
}}
"""
