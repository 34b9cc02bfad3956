#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The man pages: well-formed, and their configurations as they should be."""

import glob
import os
import re
import subprocess

from phlare import BUILD, SOURCE, Tap

# Of a page; what it refers to is there when it is installed.
REFERENCED = re.compile(r"referenced manual not found")


def examples(page):
    """The literal displays that begin like a configuration."""
    with open(page, encoding="utf-8") as f:
        text = f.read()
    for display in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text,
                              re.M | re.S):
        if re.match(r"(phlare|pyroscope|discovery)\.", display):
            yield display.replace("\\e", "\\")


def main():
    tap = Tap()
    pages = sorted(glob.glob(f"{SOURCE}/*/phlare-*.[158]"))
    tap.ok(len(pages) >= 4, "there are man pages", pages)
    found = 0
    for page in pages:
        r = subprocess.run(["mandoc", "-T", "lint", page],
                           capture_output=True, text=True, check=False)
        lines = [x for x in r.stdout.splitlines() if not REFERENCED.search(x)]
        name = os.path.basename(page)
        tap.ok(not lines, f"{name} is well-formed", "\n".join(lines))
        for text in examples(page):
            found += 1
            r = subprocess.run([f"{BUILD}/phlare-ebpf", "fmt", "-"],
                               input=text, capture_output=True, text=True,
                               check=False)
            tap.ok(r.returncode == 0 and r.stdout == text,
                   f"a configuration in {name} is formatted",
                   r.stdout + r.stderr)
    tap.ok(found >= 2, "configurations were found")
    tap.done()


if __name__ == "__main__":
    main()
