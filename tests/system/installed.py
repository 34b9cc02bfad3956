#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make install: what it installs, that it works from there, and that
make uninstall takes all of it away."""

import os
import re
import subprocess

from phlare import BUILD, SPIN, Profile, Tap, need_root, processes, scratch


def make(target, dir_):
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR")}
    return subprocess.run(["make", "-C", BUILD, "-s", target,
                           f"DESTDIR={dir_}"], env=env, capture_output=True,
                          text=True, check=False)


def files(dir_):
    return sorted(f"{d}/{f}".removeprefix(dir_)
                  for d, _, names in os.walk(dir_) for f in names)


def variable(name):
    """Of the Makefile, as make would give it."""
    with open(f"{BUILD}/Makefile", encoding="utf-8") as f:
        text = f.read()
    values = dict(re.findall(r"^(\w+) = (.*)$", text, re.M))
    value = values[name]
    while m := re.search(r"\$[({](\w+)[)}]", value):
        value = value.replace(m.group(0), values[m.group(1)])
    return value


def main():
    need_root()
    tap = Tap()
    with scratch() as dir_, scratch() as out:
        r = make("install", dir_)
        tap.ok(r.returncode == 0, "make install", r.stdout + r.stderr)
        got = files(dir_)
        want = [f"{variable('bindir')}/phlare-ebpf"]
        for part in ("collector", "symbolizer", "shipper"):
            want += [f"{variable('sbindir')}/phlare-{part}",
                     f"{variable('mandir')}/man8/phlare-{part}.8"]
        want += [f"{variable('mandir')}/man1/phlare-ebpf.1"]
        tap.ok(set(want) <= set(got), "programs and man pages are there",
               set(want) - set(got))
        with processes([SPIN]):
            r = subprocess.run(
                [f"{dir_}{want[0]}", "record", "--duration", "1s",
                 "--output", out], capture_output=True, text=True, timeout=60,
                cwd="/", check=False)
        tap.ok(r.returncode == 0 and "spin_hot" in r.stdout and
               os.path.exists(f"{out}/flamegraph.html"),
               "what is installed there works", r.stdout + r.stderr)
        with open(f"{out}/profile.pb.gz", "rb") as f:
            tap.ok(Profile(f.read()).of_comm("spin"), "and profiles")
        r = make("uninstall", dir_)
        tap.ok(r.returncode == 0 and not files(dir_),
               "make uninstall leaves no file", files(dir_))
    tap.done()


if __name__ == "__main__":
    main()
