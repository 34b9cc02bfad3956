#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says in plain text what is in a profile, for tests in the shell:

    pprof_check.py FILE          a pprof profile, gzip or plain
    pprof_check.py --push FILE   a PushRequest: series labels, then profiles

One fact a line, its kind first:

    type cpu nanoseconds | period 10000000 cpu nanoseconds
    time NANOS | duration NANOS | comment TEXT | samples N | total VALUE
    mapping BUILD-ID FILE        "-" where there is none
    function SELF TOTAL NAME     in samples of the last type's value, by SELF
    label KEY=VALUE COUNT        how many samples carry it
    series NAME=VALUE,...        with --push, before each profile

The decoder is not the one under test. Exits 1 with one line where it does not
understand the file.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "system"))
# pylint: disable=wrong-import-position
from phlare import Profile, decode_push, integers, message  # noqa: E402


def text(s):
    """On one line, whatever is in it."""
    return s.encode("unicode_escape").decode() or "-"


def functions(profile):
    """name -> [self, total]; recursion counts once per sample."""
    sums = {}
    for names, values, _ in profile.samples:
        for name in set(names):
            sums.setdefault(name, [0, 0])[1] += values[-1]
        if names:
            sums[names[0]][0] += values[-1]
    return sums


def labels(profile):
    counts = {}
    for _, _, sample_labels in profile.samples:
        for key, value in sample_labels.items():
            pair = f"{key}={value}"
            counts[pair] = counts.get(pair, 0) + 1
    return counts


def show(profile):
    for kind, unit in profile.sample_types:
        print("type", text(kind), text(unit))
    print("period", profile.period, *map(text, profile.period_type))
    print("time", profile.time)
    print("duration", profile.duration)
    for field in message(profile.raw).get(13, []):
        for index in integers(field):
            print("comment", text(profile.strings[index]))
    print("samples", len(profile.samples))
    print("total", sum(values[-1] for _, values, _ in profile.samples))
    for mapping in profile.mappings.values():
        print("mapping", text(mapping["build_id"]), text(mapping["file"]))
    order = sorted(functions(profile).items(),
                   key=lambda x: (-x[1][0], -x[1][1], x[0]))
    for name, (own, total) in order:
        print("function", own, total, text(name))
    for pair, count in sorted(labels(profile).items()):
        print("label", text(pair), count)


def main():
    arguments = sys.argv[1:]
    push = arguments[:1] == ["--push"]
    if len(arguments) != 1 + push:
        sys.exit("usage: pprof_check.py [--push] FILE")
    try:
        with open(arguments[-1], "rb") as f:
            data = f.read()
        if not push:
            show(Profile(data))
            return
        for series, profiles in decode_push(data):
            print("series", ",".join(f"{text(k)}={text(v)}"
                                     for k, v in series))
            for raw in profiles:
                show(Profile(raw))
    except BrokenPipeError:
        os._exit(1)
    except (OSError, EOFError, ValueError, AssertionError, LookupError) as e:
        sys.exit(f"pprof_check.py: {arguments[-1]}: {e!r}")


if __name__ == "__main__":
    main()
