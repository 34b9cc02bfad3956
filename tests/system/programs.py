#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every program and command says what it takes, and its man page says the
same: --help, --version, unknown options, and the pages themselves."""

import os
import re
import subprocess

from phlare import BUILD, SOURCE, Tap

PROGRAMS = (
    ("phlare-ebpf", "cli/phlare-ebpf.1"),
    ("phlare-collector", "collector/phlare-collector.8"),
    ("phlare-symbolizer", "symbolizer/phlare-symbolizer.8"),
    ("phlare-shipper", "shipper/phlare-shipper.8"),
)
OPTION = re.compile(r"--([a-z][a-z-]+)")
# of every command, and described once
COMMON = {"help", "version"}


def run(*command):
    return subprocess.run([f"{BUILD}/{command[0]}", *command[1:]],
                          capture_output=True, text=True, timeout=20,
                          check=False)


def page_text(path):
    """The page as a reader sees it, without its line breaks."""
    r = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=1000",
                        f"{SOURCE}/{path}"], capture_output=True, check=True)
    return re.sub(".\x08", "", r.stdout.decode())  # letters struck over


def version():
    with open(f"{BUILD}/config.h", encoding="utf-8") as f:
        return re.search(r'PACKAGE_VERSION "(.*)"', f.read()).group(1)


def answers(tap, name):
    """What the program says of itself; the options that it names."""
    r = run(name, "--help")
    tap.ok(r.returncode == 0 and r.stdout.startswith("usage: " + name) and
           not r.stderr, f"{name} --help", (r.returncode, r.stderr))
    options = set(OPTION.findall(r.stdout)) - COMMON
    r = run(name, "--version")
    tap.ok(r.returncode == 0 and r.stdout == f"{name} {version()}\n" and
           not r.stderr, f"{name} --version", r)
    r = run(name, "--bogus")
    tap.ok(r.returncode == 2 and "--bogus" in r.stderr and
           r.stderr.count("\n") == 1 and not r.stdout,
           f"{name}: one line for an unknown option", r)
    return options


def described(tap, name, text, options):
    missing = {o for o in options
               if not re.search(rf"--{o}(?![a-z-])", text)}
    tap.ok(options and not missing, f"{name}: its page has every option",
           missing)
    unknown = set(OPTION.findall(text)) - options - COMMON
    tap.ok(not unknown, f"{name}: its page has no other option", unknown)


def lint(tap, name, path):
    r = subprocess.run(["mandoc", "-T", "lint", "-W", "style",
                        f"{SOURCE}/{path}"], capture_output=True, text=True,
                       check=False)
    found = [line for line in r.stdout.splitlines()
             # pages that are not installed here
             if "referenced manual not found" not in line]
    tap.ok(not found, f"{name}: its page is clean", found)
    with open(f"{SOURCE}/{path}", encoding="utf-8") as f:
        references = re.findall(r"^\.Xr (\S+) (\d)", f.read(), re.M)
    pages = {os.path.basename(p) for _, p in PROGRAMS}
    wrong = [f"{n}.{s}" for n, s in references
             if n.startswith("phlare-") and "river" not in n and
             f"{n}.{s}" not in pages]
    tap.ok(references and not wrong, f"{name}: its page refers to pages that "
           "are there", wrong)


def commands():
    text = run("phlare-ebpf", "--help").stdout
    return re.findall(r"^  ([a-z]+)  +\S", text, re.M)


def main():
    tap = Tap()
    for name, path in PROGRAMS:
        options = answers(tap, name)
        if name == "phlare-ebpf":
            for command in commands():
                r = run(name, command, "--help")
                tap.ok(r.returncode == 0 and command in r.stdout,
                       f"{name} {command} --help", r)
                options |= set(OPTION.findall(r.stdout)) - COMMON
        described(tap, name, page_text(path), options)
        lint(tap, name, path)
    tap.done()


if __name__ == "__main__":
    main()
