#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command eval as a user meets it, who need not be root."""

import os
import subprocess

from phlare import Tap, User, scratch

VALUES = [
    ("1 + 2 * 3", "7"),
    ("-2^2", "4"),
    ("-(1 + 1)", "-2"),
    ("!true", "false"),
    ("2^-1", "2"),
    ("3.0/2", "1.5"),
    ("[1, \"a\", null, {x = 1.5}]", '[1, "a", null, {x = 1.5}]'),
    ("{\"a b\" = [\n],\n}", '{"a b" = []}'),
    ("constants.os", '"linux"'),
    ("constants.hostname", f'"{os.uname().nodename}"'),
    ("regex_quote(\"ip-10-0-69-8.ec2.internal\")",
     '"ip-10-0-69-8\\\\.ec2\\\\.internal"'),
    ("format(\"%5.2f|%d\", 3.14159, \"x\")", '" 3.14|%!d(string=x)"'),
    ("env(\"EVAL_TEST\")", '"from outside"'),
    ("\"\\x1b[2J\"", '"\\x1b[2J"'),
    ("env", "function"),
]

MISTAKES = [
    ("nope", '1:1: identifier "nope" does not exist\n'),
    ("1 +\n\"a\"", '2:1: "a" should be number, got string\n'),
    ("1 / 0", "1:1: division by zero\n"),
    ("", "1:1: expected expression, got EOF\n"),
    ("[1\n]", "1:3: missing ',' in expression list\n"),
    ("\"\\d\"", "1:3: unknown escape sequence\n"),
    ("phlare.write.a.receiver",
     '1:1: identifier "phlare" does not exist\n'),
    ("(" * 1000000, "1:501: nested too deeply, more than 500 levels\n"),
]

USAGE = [
    ([], "which EXPRESSION?"),
    (["1", "2"], "one EXPRESSION at a time"),
    (["--nope"], "unknown option --nope"),
    (["-x"], "unknown option -x"),
]


def main():
    tap = Tap()
    with scratch() as dir_:
        user = User(dir_)
        os.environ["EVAL_TEST"] = "from outside"
        for text, value in VALUES:
            result = user.run("eval", text)
            tap.ok(result == (0, value.encode() + b"\n", ""),
                   f"eval {text!r} is {value}", result)
        for text, message in MISTAKES:
            # one argument of a command has at most 128 KiB
            text = text[:100000]
            result = user.run("eval", text)
            tap.ok(result == (1, b"", message),
                   f"eval {text[:40]!r} is a mistake", result)
        for arguments, message in USAGE:
            code, out, err = user.run("eval", *arguments)
            tap.ok(code == 2 and out == b"" and err.count("\n") == 1 and
                   message in err, f"eval {arguments} is asked wrongly", err)
        tap.ok(user.run("eval", "--", "-1") == (0, b"-1\n", ""),
               "-- ends the options")
        code, out, err = user.run("eval", "--help")
        tap.ok(code == 0 and b"EXPRESSION" in out and err == "",
               "eval --help says what it takes", out)
        full = subprocess.run([user.phlare, "eval", "1"], check=False,
                              stderr=subprocess.PIPE,
                              stdout=open("/dev/full", "wb"))
        tap.ok(full.returncode == 1 and full.stderr.count(b"\n") == 1,
               "a full disk is an error", full.stderr)
    tap.done()


main()
