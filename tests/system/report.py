#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands flamegraph and top, and the merge, as a user meets them: their
numbers against an independent reader, their errors, their child."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys

from phlare import (BUILD, SOURCE, Profile, Tap, children_of, scratch,
                    status_of, wait_until)

PHLARE = f"{BUILD}/phlare-ebpf"
ROW = re.compile(r"^ *([\d.]+)% +([\d.]+) s +([\d.]+)% +([\d.]+) s  (\S+)")


def sample(kind, dir_):
    path = f"{dir_}/{kind}.pb.gz"
    subprocess.run([sys.executable, f"{SOURCE}/tests/pprof_sample.py", kind,
                    path], check=True)
    return path


def run(*arguments, **options):
    """(exit status, standard output, standard error)"""
    r = subprocess.run([PHLARE, *arguments], capture_output=True, timeout=60,
                       check=False, **options)
    return r.returncode, r.stdout, r.stderr.decode()


def load(path):
    with open(path, "rb") as f:
        return Profile(f.read())


def sums(profile):
    """name -> [self, total] in seconds."""
    out = {}
    for names, values, _ in profile.samples:
        for name in set(names):
            out.setdefault(name, [0, 0])[1] += values[0] / 1e9
        out[names[0]][0] += values[0] / 1e9
    return out


def table(tap, path):
    profile = load(path)
    want = sums(profile)
    status, out, err = run("top", "-n", "0", path)
    lines = out.decode().splitlines()
    rows = [ROW.match(line) for line in lines]
    rows = [(m[5], float(m[2]), float(m[4])) for m in rows if m]
    tap.ok(status == 0 and err == "", "top succeeds", err)
    tap.ok(len(rows) >= 200 and len(rows) == len(want),
           "it shows every function", f"{len(rows)} of {len(want)}")
    wrong = [r for r in rows if "\u2026" not in r[0] and r[0] in want and
             (abs(want[r[0]][0] - r[1]) > 0.006 or
              abs(want[r[0]][1] - r[2]) > 0.006)]
    tap.ok(wrong == [], "self and total are those of an independent reader",
           wrong)
    tap.ok([r[1] for r in rows] == sorted((r[1] for r in rows), reverse=True),
           "it sorts by self")
    status, out, err = run("top", "--cum", "--lines", "5", path)
    cum = [m for m in map(ROW.match, out.decode().splitlines()) if m]
    totals = [float(m[4]) for m in cum]
    tap.ok(len(cum) == 5 and totals == sorted(totals, reverse=True) and
           totals[0] > 15, "--cum sorts by total", out)
    tap.ok(max(map(len, lines)) <= 80, "a row has 80 columns at most",
           max(lines, key=len))


def terminal_safe(tap, path):
    status, out, _ = run("top", path)
    text = out.decode()
    tap.ok(status == 0 and "\\x1b[31m" in text and "\\xff\\xfe" in text and
           "\\u202e" in text, "top spells out what a terminal would obey",
           text)
    tap.ok(all(c == "\n" or c.isprintable() for c in text),
           "nothing else gets to the terminal", repr(text))


def merge(tap, dir_, path):
    merged = f"{dir_}/merged.pb.gz"
    with open(merged, "wb") as out:
        subprocess.run([f"{BUILD}/tests/merge_profiles", path, path, path],
                       stdout=out, check=True)
    once, thrice = sums(load(path)), sums(load(merged))
    tap.ok(once.keys() == thrice.keys() and
           all(abs(3 * once[n][i] - thrice[n][i]) < 1e-6
               for n in once for i in (0, 1)),
           "a merge sums what is the same")
    tap.ok(len(load(merged).samples) == len(load(path).samples) and
           len(load(merged).functions) == len(load(path).functions),
           "and has no more samples and functions than one")
    if shutil.which("go") is None:
        tap.ok(False, "go is needed to check that it reads a merge")
        return
    r = subprocess.run(["go", "tool", "pprof", "-top", "-unit=s",
                        "-nodecount=1000", "-nodefraction=0", merged],
                       capture_output=True, text=True, timeout=120,
                       env={**os.environ, "PPROF_TMPDIR": dir_,
                            "GOFLAGS": "-mod=mod"}, check=False)
    flat = {}
    for line in r.stdout.splitlines():
        m = re.match(r" *([\d.]+)s? +[\d.]+% +[\d.]+% +([\d.]+)s? +[\d.]+%"
                     r" +(.*)$", line)
        if m:
            flat[m[3]] = (float(m[1]), float(m[2]))
    both = [n for n in flat if n in thrice]
    wrong = [n for n in both if abs(flat[n][0] - thrice[n][0]) > 0.006 or
             abs(flat[n][1] - thrice[n][1]) > 0.006]
    tap.ok(len(both) > 150 and wrong == [],
           f"go tool pprof reads the same numbers for {len(both)} functions",
           r.stderr + str(wrong))


def page(tap, dir_, path):
    status, out, err = run("flamegraph", path)
    written = f"{dir_}/flamegraph.html"
    tap.ok(status == 0 and out == b"" and err == "" and
           os.path.exists(written), "flamegraph writes beside the profile",
           err)
    with open(written, "rb") as f:
        html = f.read()
    tap.ok(run("flamegraph", "-o", "-", path)[1] == html,
           "or to standard output, the same every time")
    with open(path, "rb") as f:
        status, out, err = run("flamegraph", "--output", "-", "-", stdin=f)
    tap.ok(status == 0 and len(out) > 1000, "it reads standard input", err)
    tap.ok(os.stat(written).st_mode & 0o777 == 0o666 & ~current_umask(),
           "the file's mode follows the umask")


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def errors(tap, dir_, path):
    cut = f"{dir_}/cut.pb.gz"
    with open(path, "rb") as f:
        half = f.read()[:4000]
    with open(cut, "wb") as f:
        f.write(half)
    before = sorted(os.listdir(dir_))
    cases = [
        (["top"], 2, "which FILE"),
        (["top", path, path], 2, "one FILE"),
        (["top", "-n", "many", path], 2, "many"),
        (["top", "--frobnicate", path], 2, "--frobnicate"),
        (["top", f"{dir_}/none"], 1, "No such file"),
        (["top", dir_], 1, "Is a directory"),
        (["top", "/dev/null"], 1, "it is empty"),
        (["top", "/etc/passwd"], 1, "not a pprof profile"),
        (["top", cut], 1, "damaged or cut short"),
        (["flamegraph", "-o", f"{dir_}/x.html", cut], 1, "damaged"),
        (["flamegraph", "-o", f"{dir_}/no/x.html", path], 1, "No such file"),
        (["flamegraph", "-o", "/dev/full", path], 1, "No space left"),
        (["flamegraph", "-o", "", path], 2, "not a file name"),
    ]
    for arguments, want, text in cases:
        status, out, err = run(*arguments)
        shown = " ".join(arguments).replace(dir_, "DIR")
        tap.ok(status == want and err.count("\n") == 1 and text in err and
               out == b"", f"{shown}: one clear line", f"{status}: {err}")
    tap.ok(sorted(os.listdir(dir_)) == before, "no partial file is left",
           os.listdir(dir_))


@contextlib.contextmanager
def waiting_child(*arguments):
    """A command whose child waits for its input: (process, child's pid)."""
    with subprocess.Popen([PHLARE, *arguments], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        try:
            wait_until("the child in its sandbox", lambda: any(
                status_of(c).get("Seccomp") == "2"
                for c in children_of(process.pid)))
            yield process, children_of(process.pid)[0]
        finally:
            process.kill()


def child(tap, dir_):
    with waiting_child("top", "-") as (_, pid):
        status = status_of(pid)
        ids = set(status["Uid"].split() + status["Gid"].split())
        tap.ok(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and
               int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 0,
               "what reads the profile has no privilege and is sandboxed",
               status)
        tap.ok(os.geteuid() != 0 or ("0" not in ids and
               status["Groups"].split() == []), "it is not root", status)
    before = sorted(os.listdir(dir_))
    with waiting_child("flamegraph", "-o", f"{dir_}/y.html", "-") as \
            (process, pid):
        os.kill(pid, signal.SIGKILL)
        err = process.stderr.read().decode()
        status = process.wait(timeout=20)
    tap.ok(status == 1 and "signal 9" in err and err.count("\n") == 1,
           "a child that dies is an error", f"{status}: {err}")
    tap.ok(sorted(os.listdir(dir_)) == before, "and leaves no file")
    with waiting_child("top", "-") as (process, pid):
        process.kill()
        process.wait()
        tap.ok(wait_until("end", lambda: not os.path.exists(f"/proc/{pid}") or
                          status_of(pid)["State"].startswith("Z")),
               "a child does not outlive its parent")


def checker(tap, path):
    r = subprocess.run([sys.executable, f"{SOURCE}/tests/pprof_check.py",
                        path], capture_output=True, text=True, check=False)
    lines = r.stdout.splitlines()
    tap.ok("type cpu nanoseconds" in lines and "total 20600000000" in lines and
           "period 10000000 cpu nanoseconds" in lines and
           any(re.match(r"function \d+ 0*\d+ malloc$", x) for x in lines),
           "pprof_check.py tells what is in a profile", r.stdout[:500])


def main():
    signal.alarm(240)
    tap = Tap()
    with scratch() as dir_:
        host = sample("host", dir_)
        table(tap, host)
        terminal_safe(tap, sample("hostile", dir_))
        merge(tap, dir_, host)
        page(tap, dir_, host)
        errors(tap, dir_, host)
        child(tap, dir_)
        checker(tap, host)
    tap.done()


if __name__ == "__main__":
    main()
