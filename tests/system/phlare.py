# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: TAP, an independent reader of what we push,
a push server on loopback, and running the real programs."""

import contextlib
import ctypes
import errno
import glob
import gzip
import http.server
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SOURCE = os.path.abspath(os.environ.get("top_srcdir", "."))
BUILD = os.path.abspath(os.environ.get("top_builddir", "."))
SPIN = f"{BUILD}/tests/targets/spin"
TICK = os.sysconf("SC_CLK_TCK")


def sanitized():
    """Whether the programs were built with the sanitizers."""
    with open(f"{BUILD}/config.h", encoding="ascii") as f:
        return "#define WITH_SANITIZERS 1" in f.read()


class Tap:
    """Test results on standard output, one line each."""

    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, detail=""):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}",
              flush=True)
        if detail and not good:
            self.note(detail)
        return good

    def note(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def done(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)


def need_root():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        sys.exit(0)


# ---- protobuf and pprof, read by hand

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """(number, value) of a message; value is an int or bytes."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 1:
            value, at = int.from_bytes(data[at:at + 8], "little"), at + 8
        elif tag & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
            if len(value) != size:
                raise ValueError("truncated message")
        elif tag & 7 == 5:
            value, at = int.from_bytes(data[at:at + 4], "little"), at + 4
        else:
            raise ValueError(f"wire type {tag & 7}")
        yield tag >> 3, value


def integers(value):
    """A repeated integer field, packed or not."""
    if isinstance(value, int):
        return [value]
    out, at = [], 0
    while at < len(value):
        n, at = varint(value, at)
        out.append(n)
    return out


def message(data):
    """number -> list of values."""
    out = {}
    for number, value in fields(data):
        out.setdefault(number, []).append(value)
    return out


class Profile:
    """A pprof: samples as ([names, leaf first], [values], {labels})."""

    def __init__(self, data):
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        self.raw = data
        m = message(data)
        self.strings = [s.decode("utf-8") for s in m.get(6, [])]
        assert self.strings[0] == "", "string_table[0] is not empty"
        s = self.strings
        first = lambda msg, n, default=0: msg.get(n, [default])[0]
        self.sample_types = [(s[first(message(v), 1)], s[first(message(v), 2)])
                             for v in m.get(1, [])]
        period_type = message(m[11][0]) if 11 in m else {}
        self.period_type = (s[first(period_type, 1)], s[first(period_type, 2)])
        self.period = first(m, 12)
        self.time, self.duration = first(m, 9), first(m, 10)
        self.functions, self.mappings, self.locations = {}, {}, {}
        for v in m.get(5, []):
            f = message(v)
            self.functions[first(f, 1)] = (s[first(f, 2)], s[first(f, 3)])
        for v in m.get(3, []):
            f = message(v)
            self.mappings[first(f, 1)] = {
                "file": s[first(f, 5)], "build_id": s[first(f, 6)]}
        for v in m.get(4, []):
            f = message(v)
            lines = [self.functions[first(message(line), 1)][0]
                     for line in f.get(4, [])]
            self.locations[first(f, 1)] = {
                "names": lines, "address": first(f, 3),
                "mapping": self.mappings.get(first(f, 2))}
        self.samples = []
        for v in m.get(2, []):
            f = message(v)
            ids = [i for x in f.get(1, []) for i in integers(x)]
            values = [i for x in f.get(2, []) for i in integers(x)]
            labels = {s[first(message(x), 1)]: s[first(message(x), 2)] or
                      first(message(x), 3) for x in f.get(3, [])}
            names = [n for i in ids for n in self.locations[i]["names"]]
            self.samples.append((names, values, labels))

    def total(self):
        return sum(values[0] for _, values, _ in self.samples)

    def count(self):
        return self.total() // self.period if self.period else 0

    def of_comm(self, comm):
        """Samples whose root frame is this comm."""
        return [x for x in self.samples if x[0] and x[0][-1] == comm]

    def self_of(self, name, comm=None):
        samples = self.samples if comm is None else self.of_comm(comm)
        return sum(v[0] for names, v, _ in samples
                   if names and leaf_function(names) == name)

    def names(self):
        return {n for names, _, _ in self.samples for n in names}


def leaf_function(names):
    return names[0] if names else ""


def merge(profiles):
    """One list of samples over several profiles, as a Profile."""
    profiles = list(profiles)
    whole = profiles[0]
    for p in profiles[1:]:
        whole.samples = whole.samples + p.samples
    return whole


def decode_push(body):
    """[(labels, [raw profile])] of a PushRequest."""
    out = []
    for number, series in fields(body):
        assert number == 1, f"field {number} in PushRequest"
        m = message(series)
        labels = [(message(x)[1][0].decode(), message(x)[2][0].decode())
                  for x in m.get(1, [])]
        out.append((labels, [message(x)[1][0] for x in m.get(2, [])]))
    return out


# ---- a push server

class PushServer:
    """Answers pushes on loopback; answer(n) may say how the n-th goes."""

    def __init__(self, answer=None, address=("127.0.0.1", 0)):
        outer = self
        self.pushes, self.requests, self.lock = [], 0, threading.Lock()
        self.answer = answer or (lambda n: (200, {}, b""))

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.lock:
                    n = outer.requests
                    outer.requests += 1
                try:
                    status, headers, text = outer.answer(n)
                    if status == 200:
                        with outer.lock:
                            outer.pushes.append(
                                (self.path, dict(self.headers), body,
                                 time.time()))
                    self.send_response(status)
                    headers.setdefault("Content-Type", "application/proto")
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except (OSError, ConnectionError):
                    self.close_connection = True

            def log_message(self, *_args):
                pass

        self.server = http.server.ThreadingHTTPServer(address, Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       daemon=True)
        self.thread.start()

    def profiles(self):
        with self.lock:
            bodies = [body for _, _, body, _ in self.pushes]
        return [Profile(raw) for body in bodies
                for _, raws in decode_push(body) for raw in raws]

    def series(self):
        """[(labels, Profile)] of all that was pushed."""
        with self.lock:
            bodies = [body for _, _, body, _ in self.pushes]
        return [(dict(labels), Profile(raw)) for body in bodies
                for labels, raws in decode_push(body) for raw in raws]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


# ---- processes

def wait_until(what, ready, seconds=10.0, every=0.05):
    """True as soon as ready() is; False after the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if ready():
                return True
        time.sleep(every)
    return False


def children_of(pid):
    out = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(OSError):
            with open(path, encoding="ascii") as f:
                out += [int(p) for p in f.read().split()]
    return out


def descendants(pid):
    out = []
    for child in children_of(pid):
        out += [child] + descendants(child)
    return out


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().decode(errors="replace").split("\0")
    except OSError:
        return [""]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def cpu_time(pid):
    """user + system seconds of a live process."""
    with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
        x = f.read().rpartition(")")[2].split()
    return (int(x[11]) + int(x[12])) / TICK


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="latin-1") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


CAP = {"DAC_READ_SEARCH": 2, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "PERFMON": 38,
       "BPF": 39, "CHECKPOINT_RESTORE": 40}


def caps(*names):
    return sum(1 << CAP[n] for n in names)


def role_of(pid):
    """Of a collector's child, by the capabilities that it has left."""
    both = {"sampler": caps("BPF"), "opener": caps("SYS_PTRACE")}
    with contextlib.suppress(OSError, KeyError, ValueError):
        effective = int(status_of(pid)["CapEff"], 16)
        roles = [role for role, cap in both.items() if effective & cap]
        return roles[0] if len(roles) == 1 else None
    return None


BPF_CALL, PERF_CALL = ((321, 298) if os.uname().machine == "x86_64" else
                       (280, 241))


def refuse_calls(*numbers, error=errno.ENOSYS):
    """For preexec_fn: these system calls fail, as in another kernel."""
    libc = ctypes.CDLL(None)
    code = struct.pack("HBBI", 0x20, 0, 0, 0)  # load the call's number
    for number in numbers:
        code += struct.pack("HBBI", 0x15, 0, 1, number)  # another: skip one
        code += struct.pack("HBBI", 0x06, 0, 0, 0x50000 | error)
    code += struct.pack("HBBI", 0x06, 0, 0, 0x7fff0000)  # allow
    text = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(text))

    def install(_keep=text):
        if libc.prctl(22, 2, program, 0, 0):  # PR_SET_SECCOMP, FILTER
            os._exit(99)
    return install


class Run:
    """`phlare-ebpf run` with a configuration text, as a context."""

    def __init__(self, config, *options, listen=True, expect_sampling=True):
        self.dir = tempfile.mkdtemp(prefix="phlare-test-")
        os.chmod(self.dir, 0o755)
        self.config = f"{self.dir}/config.river"
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(config)
        self.port = free_port() if listen else None
        self.log_path = f"{self.dir}/log"
        self.expect_sampling = expect_sampling
        self.command = [f"{BUILD}/phlare-ebpf", "run", "--listen",
                        f"127.0.0.1:{self.port}" if listen else "none",
                        *options, self.config]
        self.process = None

    def __enter__(self):
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command, stderr=log, stdout=log,
                stdin=subprocess.DEVNULL)
        if self.expect_sampling and not wait_until("sampling", self.sampling):
            print("# run does not sample; its log:")
            print("".join(f"# {line}" for line in open(self.log_path)))
        return self

    def __exit__(self, *_exc):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def stop(self, seconds=20):
        """Exit status, or None if it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            for pid in descendants(self.process.pid) + [self.process.pid]:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            return None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def metrics(self):
        """name{labels} -> value."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=5) as r:
            lines = r.read().decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in lines if line and not line.startswith("#")}

    def samples(self, outcome):
        """Over all components."""
        return sum(v for k, v in self.metrics().items()
                   if k.startswith("phlare_ebpf_samples_total{") and
                   f'outcome="{outcome}"' in k)

    def pids(self):
        """role -> pid, by program, parent and capabilities."""
        out = {}
        for pid in children_of(self.process.pid):
            name = os.path.basename(cmdline(pid)[0])
            if name == "phlare-collector":
                out["listener"] = pid
                for child in children_of(pid):
                    if role := role_of(child):
                        out[role] = child
            elif name.startswith("phlare-"):
                out[name.removeprefix("phlare-")] = pid
        return out

    def sampling(self):
        return {"sampler", "opener", "symbolizer", "shipper"} <= set(
            self.pids())


def free_ports(count):
    """Different ones, and none that a connection would be given."""
    with contextlib.ExitStack() as stack:
        ports = []
        while len(ports) < count:
            s = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                s.bind(("127.0.0.1", random.randrange(10000, 32768)))
                ports.append(s.getsockname()[1])
        return ports


def free_port():
    return free_ports(1)[0]


def push_config(url, extra_ebpf="", extra_endpoint="", rate=100,
                interval="10s"):
    return f"""phlare.write "w" {{
  endpoint {{
    url = "{url}"
    {extra_endpoint}
  }}
}}
phlare.ebpf "e" {{
  forward_to       = [phlare.write.w.receiver]
  sample_rate      = {rate}
  collect_interval = "{interval}"
  {extra_ebpf}
}}
"""


def record(*options, timeout=90):
    """Runs record into a new directory: (exit status, output, Profile)."""
    with tempfile.TemporaryDirectory(prefix="phlare-test-") as out:
        r = subprocess.run(
            [f"{BUILD}/phlare-ebpf", "record", "--output", out, *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
            stdin=subprocess.DEVNULL)
        text = r.stdout.decode(errors="replace")
        path = f"{out}/profile.pb.gz"
        profile = None
        if os.path.exists(path):
            with open(path, "rb") as f:
                profile = Profile(f.read())
    return r.returncode, text, profile


def compile_c(source, path, *flags):
    """Compiles C text into an executable."""
    subprocess.run([os.environ.get("CC", "cc"), "-x", "c", "-", "-o", path,
                    *flags], input=source.encode(), check=True)
    return path


@contextlib.contextmanager
def processes(*commands, **options):
    """Starts commands; kills them at the end."""
    started = [subprocess.Popen(c, stdout=subprocess.DEVNULL, **options)
               for c in commands]
    try:
        yield started
    finally:
        for p in started:
            with contextlib.suppress(OSError):
                p.kill()
            p.wait()


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="phlare-test-") as path:
        os.chmod(path, 0o755)
        yield path


# ---- a user who is not root

NOBODY = 65534


class User:
    """Runs commands as nobody, with programs that nobody may reach."""

    def __init__(self, dir_):
        self.dir = f"{dir_}/home"
        self.phlare = f"{dir_}/phlare-ebpf"
        for name in ("phlare-ebpf", "phlare-shipper"):
            shutil.copy(f"{BUILD}/{name}", dir_)
        os.mkdir(self.dir)
        if os.geteuid() == 0:
            os.chown(self.dir, NOBODY, NOBODY)

    def options(self):
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} \
            if os.geteuid() == 0 else {}

    def run(self, *arguments, text=None):
        """(exit status, standard output, standard error)"""
        r = subprocess.run([self.phlare, *arguments], cwd=self.dir,
                           input=text, capture_output=True, timeout=60,
                           check=False, **self.options())
        return r.returncode, r.stdout, r.stderr.decode()

    def write(self, name, text, mode=0o644):
        path = f"{self.dir}/{name}"
        with open(path, "wb") as f:
            f.write(text)
        os.chmod(path, mode)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
        return path
