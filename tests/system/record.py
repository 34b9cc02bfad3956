#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""phlare-ebpf record: what it finds, how long it takes, what it refuses."""

import contextlib
import errno
import glob
import os
import pty
import pwd
import re
import signal
import subprocess
import threading
import time

from phlare import (BPF_CALL, BUILD, PERF_CALL, Profile, PushServer, Run, Tap,
                    User, alive, cpu_time, descendants, need_root, processes,
                    push_config, record, refuse_calls, sanitized, scratch,
                    wait_until)

PHLARE = f"{BUILD}/phlare-ebpf"
SPIN = f"{BUILD}/tests/targets/spin"
SPLIT = f"{BUILD}/tests/targets/split"
FUNCTION = re.compile(r"^ *[\d.]+% .* s  (\S+)", re.M)


def leftovers():
    return set(glob.glob("/run/phlare-ebpf-*") +
               [p for p in glob.glob("/tmp/*phlare*")
                if not p.startswith("/tmp/phlare-test-")])


def load(path):
    with open(path, "rb") as f:
        return Profile(f.read())


class Measured:
    """The CPU time that a process got while something else happened."""

    def __init__(self, process):
        self.pid = process.pid

    def begin(self):
        self.start, self.used = time.monotonic(), -cpu_time(self.pid)

    def end(self):
        self.took = time.monotonic() - self.start
        self.used += cpu_time(self.pid)

    def share(self):
        return self.used / self.took

    def fits(self, seconds, duration):
        """Whether that many were sampled in a part of the time."""
        want = self.share() * duration
        return abs(seconds - want) <= 0.2 * want + 0.1


@contextlib.contextmanager
def measured(process):
    use = Measured(process)
    use.begin()
    yield use
    use.end()


def finds_the_hot_function(tap):
    before = leftovers()
    with processes([SPIN]) as (spin,), measured(spin) as use:
        status, text, profile = record("--duration", "2s", "--sample-rate",
                                       "200")
    tap.ok(status == 0 and profile is not None, "record succeeds", text)
    hot = FUNCTION.findall(text)
    # the machine may have other things to do, hotter ones
    tap.ok("spin_hot" in hot[:3], "the hot function is on top", text)
    got = profile.self_of("spin_hot", "spin") / 1e9
    tap.ok(profile.period == 5000000 and use.fits(got, 2),
           f"its time is what it used: {got:.2f} s of {use.share():.0%} of "
           "2 s")
    tap.ok("clock: " in text and "samples: " in text and
           "does not close" not in text, "the account is shown and closes",
           text)
    tap.ok(not re.search(r"^phlare-(collector|symbolizer|shipper):", text,
                         re.M), "no word of the programs", text)
    tap.ok(leftovers() == before, "nothing is left over",
           leftovers() - before)


def splits_in_proportion(tap):
    samples, count = [], 0
    with processes([SPLIT]):
        for _ in range(8):  # the machine may have other things to do
            status, text, profile = record("--duration", "6s",
                                           "--sample-rate", "997")
            if not tap.ok(status == 0, "record at 997 Hz succeeds", text):
                return
            samples += profile.of_comm("split")
            total = sum(v[0] for _, v, _ in samples)
            count = total // profile.period
            if count >= 5000:
                break
    tap.ok(count >= 5000, f"{count} samples of split")
    for name, share in (("split_seventy", 70), ("split_twenty", 20),
                        ("split_ten", 10)):
        got = 100 * sum(v[0] for names, v, _ in samples
                        if name in names) / max(total, 1)
        tap.ok(abs(got - share) <= 3, f"{name} has {got:.1f} % of {share} %")


def only_the_chosen(tap):
    with processes([SPIN], [SPLIT]) as (spin, split):
        status, text, profile = record(
            "--duration", "1s", "--sample-rate", "200", "--pid",
            str(split.pid))
        tap.ok(status == 0 and profile.of_comm("split") and
               not profile.of_comm("spin") and
               len(profile.of_comm("split")) == len(profile.samples),
               "--pid: that process and no other", text)
        status, text, profile = record(
            "--duration", "1s", "--sample-rate", "200", "--pid",
            str(split.pid), "--pid", str(spin.pid), "--no-kernel")
        tap.ok(status == 0 and profile.of_comm("split") and
               profile.of_comm("spin"), "--pid twice: both", text)
        kernel = [m for m in profile.mappings.values()
                  if "kernel" in m["file"]]
        tap.ok(not kernel, "--no-kernel: no kernel frames", kernel)


def whole_and_kernel(tap):
    with processes(["dd", "if=/dev/zero", "of=/dev/null", "bs=1M"],
                   stderr=subprocess.DEVNULL):
        status, text, profile = record("--duration", "1s", "--sample-rate",
                                       "200")
    deep = [n for n, _, _ in profile.of_comm("dd") if len(n) > 3]
    tap.ok(status == 0 and deep, "kernel stacks are there", text)


@contextlib.contextmanager
def started(dir_, *options, **popen):
    p = subprocess.Popen([PHLARE, "record", "--output", dir_, *options],
                         stdin=subprocess.DEVNULL, **popen)
    try:
        yield p
    finally:
        if p.poll() is None:
            for pid in descendants(p.pid) + [p.pid]:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        p.wait()


def time_record(dir_, duration):
    """(exit status, s until it sampled, s after that and the duration)"""
    begun = start = time.monotonic()
    with started(dir_, "--duration", f"{duration}s", stdout=subprocess.DEVNULL,
                 stderr=subprocess.PIPE) as p:
        for line in p.stderr:
            if line.startswith(b"sampling"):
                begun = time.monotonic()
        status = p.wait(timeout=30)
    return status, begun - start, time.monotonic() - begun - duration


def timed(tap, dir_):
    """Sampling soon after the start, files soon after the end."""
    record("--duration", "1s")  # what is slow once may be slow once
    times, limit = [], 1.5 if sanitized() else 0.5
    with processes([SPIN]) as (spin,):
        for _ in range(4):  # the machine may have other things to do
            with measured(spin) as use:
                times.append(time_record(dir_, 3))
            if times[-1][1] < limit and times[-1][2] < 2:
                break
    status, begun, ended = times[-1]
    tap.ok(status == 0 and 0 < begun < limit,
           f"sampling {begun:.2f} s after the start", times)
    tap.ok(ended < 2, f"files {ended:.2f} s after the duration", times)
    got = load(f"{dir_}/profile.pb.gz").self_of("spin_hot", "spin") / 1e9
    tap.ok(use.fits(got, 3), f"3 s are 3 s: {got:.2f} s sampled of "
           f"{use.share():.0%} of them")


def interrupted(tap, dir_):
    before = leftovers()
    with processes([SPIN]):
        with started(dir_, "--duration", "60s", stdout=subprocess.PIPE,
                     stderr=subprocess.STDOUT) as p:
            time.sleep(3)
            start = time.monotonic()
            p.send_signal(signal.SIGINT)
            text = p.communicate(timeout=20)[0].decode()
            took = time.monotonic() - start
    tap.ok(p.returncode == 0 and "spin_hot" in text and took < 5,
           f"SIGINT shows what there is, after {took:.1f} s", text)
    tap.ok(os.path.exists(f"{dir_}/flamegraph.html"), "and writes it")
    with started(dir_, "--duration", "60s", stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL) as p:
        time.sleep(1.5)
        pids = descendants(p.pid)
        p.send_signal(signal.SIGINT)
        p.send_signal(signal.SIGINT)
        time.sleep(0.01)
        p.send_signal(signal.SIGINT)
        p.wait(timeout=10)
    tap.ok(wait_until("gone", lambda: not any(map(alive, pids)), 2),
           "more signals end it", pids)
    with started(dir_, "--duration", "60s", stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL) as p:
        time.sleep(1.5)
        pids = descendants(p.pid)
        p.kill()
        p.wait()
        tap.ok(wait_until("gone", lambda: not any(map(alive, pids)) and
                          leftovers() == before, 2),
               "kill -9 leaves no process and no file",
               (pids, leftovers() - before))


def beside_a_run(tap):
    server = PushServer()
    with processes([SPIN]), Run(push_config(server.url,
                                            interval="1s")) as run:
        pids = run.pids()
        status, text, profile = record("--duration", "1s")
        tap.ok(status == 0 and profile.of_comm("spin"),
               "record works while run does", text)
        tap.ok(run.pids() == pids, "and disturbs it not", run.log())
    server.stop()


def on_a_terminal(tap, dir_):
    """The bar moves on a terminal; nothing hostile gets there."""
    master, slave = pty.openpty()
    shown = []

    def reader():
        with contextlib.suppress(OSError):
            while data := os.read(master, 4096):
                shown.append(data)

    thread = threading.Thread(target=reader)
    thread.start()
    with started(dir_, "--duration", "1s", stdout=slave, stderr=slave) as p:
        os.close(slave)
        p.wait(timeout=30)
    thread.join(timeout=5)
    os.close(master)
    text = b"".join(shown).decode()
    bars = text.count("\rsampling")
    tap.ok(p.returncode == 0 and bars >= 8, f"the bar was drawn {bars} times",
           text)
    tap.ok(re.search(r"\n\S* *profile +\S+/profile.pb.gz", text) and
           "flamegraph.html" in text, "the files are named at the end", text)


def bad_input(tap, dir_):
    user = User(dir_)
    nobody = {"program": user.phlare, **user.options()}
    plain = f"{dir_}/plain"
    with open(plain, "w", encoding="utf-8"):
        pass
    private = f"{dir_}/private"
    os.mkdir(private, 0o700)
    gone = subprocess.Popen(["true"])
    gone.wait()
    table = (
        ("duration 0", ("--duration", "0"), {}, 2, "duration"),
        ("duration 0s", ("--duration", "0s"), {}, 2, "duration"),
        ("a negative duration", ("--duration", "-3s"), {}, 2, "duration"),
        ("no duration", ("--duration", "soon"), {}, 2, "soon"),
        ("a duration without unit", ("--duration", "10"), {}, 2, "10"),
        ("rate 0", ("--sample-rate", "0"), {}, 2, "sample-rate"),
        ("rate 100000", ("--sample-rate", "100000"), {}, 2, "100000"),
        ("a pid that is none", ("--pid", "self"), {}, 2, "self"),
        ("a dead pid", ("--pid", str(gone.pid)), {}, 2, "no such process"),
        ("an unknown option", ("--bogus",), {}, 2, "--bogus"),
        ("an option without value", ("--pid",), {}, 2, "--pid"),
        ("an operand", ("thing",), {}, 2, "thing"),
        ("a missing directory", ("--output", f"{dir_}/none"), {}, 1, "none"),
        ("a file as directory", ("--output", plain), {}, 1, "plain"),
        ("no files to be made there", ("--output", "/proc"), {}, 1, "/proc"),
        ("an unreadable directory", ("--output", private),
         dict(nobody), 1, "private"),
        ("not root", ("--output", "/tmp"), dict(nobody), 1, "root"),
    )
    for name, arguments, options, want, word in table:
        program = options.pop("program", PHLARE)
        r = subprocess.run([program, "record", *arguments],
                           capture_output=True, timeout=20, check=False,
                           cwd=dir_, **options)
        text = r.stderr.decode()
        tap.ok(r.returncode == want and word in text and
               text.count("\n") == 1 and not r.stdout,
               f"{name}: one clear line", (r.returncode, text, r.stdout))


def cannot_sample(tap, dir_):
    """A kernel or a machine where it cannot work: one line, and soon."""
    table = (
        ("a kernel without BPF", refuse_calls(BPF_CALL), "CONFIG_BPF_SYSCALL"),
        ("a kernel without perf events", refuse_calls(PERF_CALL),
         "CONFIG_PERF_EVENTS"),
        ("a sampler that may not load BPF",
         refuse_calls(BPF_CALL, error=errno.EPERM),
         "cannot load the BPF program: Operation not permitted"),
        ("a sampler that may not open events",
         refuse_calls(PERF_CALL, error=errno.EMFILE),
         "cannot open a sampling event: Too many open files"),
    )
    for name, before, word in table:
        start = time.monotonic()
        r = subprocess.run([PHLARE, "record", "--output", dir_],
                           capture_output=True, timeout=30, check=False,
                           preexec_fn=before)
        text = r.stderr.decode()
        tap.ok(r.returncode == 1 and word in text and
               text.count("\n") == 1 and not r.stdout and
               not os.listdir(dir_),
               f"{name}: one clear line", (r.returncode, text, r.stdout))
        tap.ok(time.monotonic() - start < 3, f"{name}: at once",
               time.monotonic() - start)


def in_the_trap(tap):
    """What the sandbox refuses would end it: nothing that it needs."""
    with processes([SPIN]):
        status, text, profile = record("--duration", "1s", "--sandbox=trap")
    tap.ok(status == 0 and profile.of_comm("spin") and
           "refused system call" not in text,
           "--sandbox=trap: nothing is refused", text)


def belongs_to_the_caller(tap, dir_):
    nobody = pwd.getpwnam("nobody")
    env = dict(os.environ, SUDO_UID=str(nobody.pw_uid),
               SUDO_GID=str(nobody.pw_gid))
    os.symlink("/etc/passwd", f"{dir_}/profile.pb.gz")
    before = os.stat("/etc/passwd")
    with processes([SPIN]), started(
            dir_, "--duration", "500ms", env=env, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL) as p:
        p.wait(timeout=30)
    st = os.lstat(f"{dir_}/profile.pb.gz")
    tap.ok(p.returncode == 0 and st.st_uid == nobody.pw_uid and
           st.st_mode & 0o7777 == 0o644, "files belong to who called sudo",
           st)
    tap.ok(os.stat("/etc/passwd") == before and
           os.path.isfile(f"{dir_}/profile.pb.gz"), "no link was followed")
    names = sorted(os.listdir(dir_))
    tap.ok(names == ["flamegraph.html", "profile.pb.gz"],
           "two files and nothing else", names)


def main():
    need_root()
    tap = Tap()
    with scratch() as dir_:
        bad_input(tap, dir_)
    finds_the_hot_function(tap)
    splits_in_proportion(tap)
    only_the_chosen(tap)
    whole_and_kernel(tap)
    for test in (timed, interrupted, on_a_terminal, belongs_to_the_caller):
        with scratch() as dir_:
            test(tap, dir_)
    beside_a_run(tap)
    in_the_trap(tap)
    with scratch() as dir_:
        cannot_sample(tap, dir_)
    tap.done()


if __name__ == "__main__":
    main()
