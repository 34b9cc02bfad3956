#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command fmt as a user meets it, who need not be root."""

import os
import pty
import signal
import stat
import subprocess
import time

from phlare import NOBODY, SOURCE, Tap, User, children_of, scratch, \
    status_of, wait_until

def read(path):
    with open(path, "rb") as f:
        return f.read()


def prints(tap, user):
    raw = read(f"{SOURCE}/tests/data/river/layout.river")
    want = read(f"{SOURCE}/tests/data/river/layout.out")
    path = user.write("a.river", raw)
    tap.ok(user.run("fmt", "a.river") == (0, want, ""),
           "fmt prints the file formatted")
    tap.ok(read(path) == raw, "and leaves it alone")
    tap.ok(user.run("fmt", "-", text=raw) == (0, want, ""),
           "fmt reads standard input")
    tap.ok(user.run("fmt", "-", text=b"") == (0, b"", ""),
           "fmt of nothing is nothing")
    full = subprocess.run([user.phlare, "fmt", path], stderr=subprocess.PIPE,
                          stdout=open("/dev/full", "wb"), check=False)
    tap.ok(full.returncode == 1 and full.stderr.count(b"\n") == 1,
           "a full disk is an error", full.stderr)


def writes(tap, user):
    raw = read(f"{SOURCE}/tests/data/river/layout.river")
    want = read(f"{SOURCE}/tests/data/river/layout.out")
    path = user.write("b.river", raw, 0o640)
    before = os.stat(path)
    result = user.run("fmt", "-w", "b.river")
    after = os.stat(path)
    tap.ok(result == (0, b"", "") and read(path) == want,
           "fmt -w formats the file", result)
    tap.ok(stat.S_IMODE(after.st_mode) == 0o640 and
           after.st_uid == before.st_uid, "mode and owner stay", after)
    tap.ok(after.st_ino != before.st_ino, "it is replaced as a whole")
    result = user.run("fmt", "--write", "b.river")
    again = os.stat(path)
    tap.ok(result[0] == 0 and again.st_ino == after.st_ino and
           again.st_mtime_ns == after.st_mtime_ns,
           "a formatted file is not written again", again)
    path = user.write("c.river", raw)
    os.symlink("c.river", f"{user.dir}/link.river")
    result = user.run("fmt", "-w", "link.river")
    tap.ok(result[0] == 0 and os.path.islink(f"{user.dir}/link.river") and
           read(path) == want, "a link stays one", result)
    tap.ok(not [n for n in os.listdir(user.dir) if n.startswith(".")],
           "nothing is left beside it", os.listdir(user.dir))


def refuses(tap, user):
    bad = b'a = [1\n]\nb = "\\d"\n'
    path = user.write("bad.river", bad)
    before = os.stat(path)
    for option in ([], ["-w"]):
        status, out, err = user.run("fmt", *option, "bad.river")
        tap.ok(status == 1 and out == b"" and err.startswith(
            "Error: bad.river:1:7: missing ',' in expression list\n") and
            "bad.river:3:7: unknown escape sequence" in err and
            "\033" not in err,
            f"mistakes are shown {option}", err)
    after = os.stat(path)
    tap.ok(read(path) == bad and (before.st_ino, before.st_mtime_ns) ==
           (after.st_ino, after.st_mtime_ns),
           "a file with mistakes is not touched")
    for arguments, code in (([], 2), (["-"] * 2, 2), (["-w", "-"], 2),
                            (["--nope", "-"], 2), (["none.river"], 1),
                            (["."], 1)):
        status, out, err = user.run("fmt", *arguments, text=b"")
        tap.ok(status == code and out == b"" and err.count("\n") == 1,
               f"fmt {arguments} is refused in one line", f"{status}: {err}")
    user.write("dir.river", b"a=1\n")
    if os.geteuid() == 0:
        os.chown(user.dir, 0, 0)
        status, _, err = user.run("fmt", "-w", "dir.river")
        os.chown(user.dir, NOBODY, NOBODY)
        tap.ok(status == 1 and err.count("\n") == 1 and
               read(f"{user.dir}/dir.river") == b"a=1\n",
               "a directory that may not be written is an error", err)


def hostile(tap, user):
    for name, text in (("[", b"a = " + b"[" * 1_000_000),
                       ("{", b"x {" * 300_000), ("NUL", b"\0" * 1_000_000),
                       ("comments", b"/*" * 500_000),
                       ("ill-formed UTF-8", b"\xff" * 1_000_000)):
        start = time.monotonic()
        status, out, err = user.run("fmt", "-", text=text)
        tap.ok(status == 1 and out == b"" and "Error: stdin:1:" in err,
               f"a megabyte of {name} is a mistake", err[:300])
        tap.ok(time.monotonic() - start < 10, "found soon")


def colours(tap, user):
    """Only for a terminal."""
    user.write("bad.river", b"a = \n")
    main, other = pty.openpty()
    try:
        p = subprocess.Popen([user.phlare, "fmt", f"{user.dir}/bad.river"],
                             stdout=subprocess.DEVNULL, stderr=other)
        p.wait(timeout=20)
        text = os.read(main, 65536)
    finally:
        os.close(main)
        os.close(other)
    tap.ok(b"\033[" in text, "a terminal gets colour", text)


def sandboxed(tap, user):
    with subprocess.Popen([user.phlare, "fmt", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as p:
        wait_until("the child", lambda: any(
            status_of(c).get("Seccomp") == "2" for c in children_of(p.pid)))
        status = status_of(children_of(p.pid)[0])
        ids = set(status["Uid"].split() + status["Gid"].split())
        out, _ = p.communicate(b"a=1\n", timeout=20)
    tap.ok(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and
           int(status["CapPrm"], 16) == 0 and "0" not in ids,
           "what reads the file has no privilege and is sandboxed", status)
    tap.ok(out == b"a = 1\n", "and does its work", out)


def main():
    signal.alarm(180)
    tap = Tap()
    with scratch() as dir_:
        user = User(dir_)
        prints(tap, user)
        writes(tap, user)
        refuses(tap, user)
        hostile(tap, user)
        colours(tap, user)
        sandboxed(tap, user)
    tap.done()


if __name__ == "__main__":
    main()
