# SPDX-License-Identifier: Apache-2.0
"""Files that a stranger might have mapped as code: each has a working
function at 0x1000, and whatever else in its headers."""

import lzma
import os
import struct
import subprocess
import zlib

TEXT = 0x1000
PAGE = 0x1000
MACHINE = {"x86_64": 62, "aarch64": 183}[os.uname().machine]
HOT = """void hot(void)
{
	for (volatile unsigned long i = 0; i < 3000000; i++)
		;
}
"""
# Maps the file as code and runs it, named after it.
MAPPER = r"""#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY);
	void (*hot)(void) = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE, fd, 4096);

	if (argc < 2 || hot == MAP_FAILED) {
		perror(argv[1]);
		return 1;
	}
	prctl(PR_SET_NAME, basename(argv[1]));
	for (;;)
		hot();
}
"""


def code(dir_):
    """The machine code of hot()."""
    cc = os.environ.get("CC", "cc").split()
    subprocess.run([*cc, "-x", "c", "-", "-c", "-O0", "-o", f"{dir_}/hot.o",
                    "-fno-omit-frame-pointer", "-fcf-protection=none"
                    if MACHINE == 62 else "-O0", "-fno-pic"],
                   input=HOT.encode(), check=True)
    subprocess.run(["objcopy", "-O", "binary", "--only-section=.text",
                    f"{dir_}/hot.o", f"{dir_}/hot.bin"], check=True)
    with open(f"{dir_}/hot.bin", "rb") as f:
        return f.read()


class Elf:
    """header, one segment, text at 0x1000, sections behind it."""

    def __init__(self, text):
        self.text = text.ljust(PAGE, b"\xcc")
        self.names = b"\0"
        self.body = b""
        self.sections = [(0,) * 10]
        self.add(".text", 1, 6, None, addr=TEXT, offset=TEXT, size=PAGE)
        self.shoff = self.shnum = self.phnum = None

    def add(self, name, type_, flags, data, addr=0, offset=None, size=None,
            link=0, entsize=0):
        if data is not None:
            self.body += b"\0" * (-len(self.body) % 8)
            offset = 2 * PAGE + len(self.body) if offset is None else offset
            size = len(data) if size is None else size
            self.body += data
        self.sections.append((len(self.names), type_, flags, addr, offset,
                              size, link, 0, 1, entsize))
        self.names += name.encode() + b"\0"
        return len(self.sections) - 1

    def symbols(self, symbols, strings=None, flags=0, pack=lambda x: x):
        """(name or offset into strings, value, size) of functions."""
        table, out = b"\0" * 24, [b"\0" * 24]
        text = bytearray(b"\0" if strings is None else strings)
        for name, value, size in symbols:
            if isinstance(name, str):
                at = len(text)
                text += name.encode("latin-1") + b"\0"
            else:
                at = name
            out.append(struct.pack("<IBBHQQ", at, 0x12, 0, 1, value, size))
        table = b"".join(out)
        n = self.add(".symtab", 2, flags, pack(table), entsize=24)
        names = self.add(".strtab", 3, 0, bytes(text))
        s = list(self.sections[n])
        s[6] = names
        self.sections[n] = tuple(s)
        return self

    def resize(self, name, size):
        """The last section of this name claims to be so long."""
        for i in range(len(self.sections) - 1, 0, -1):
            s = list(self.sections[i])
            at = s[0]
            if self.names[at:self.names.index(b"\0", at)].decode() == name:
                s[5] = size
                self.sections[i] = tuple(s)
                return self
        raise KeyError(name)

    def bytes(self):
        strndx = self.add(".shstrtab", 3, 0, b"")
        s = list(self.sections[strndx])
        s[4], s[5] = 2 * PAGE + len(self.body), len(self.names)
        self.sections[strndx] = tuple(s)
        body = self.body + self.names
        body += b"\0" * (-len(body) % 8)
        shoff = 2 * PAGE + len(body)
        headers = b"".join(struct.pack("<IIQQQQIIQQ", *s)
                           for s in self.sections)
        head = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack(
            "<HHIQQQIHHHHHH", 3, MACHINE, 1, TEXT, 64,
            shoff if self.shoff is None else self.shoff, 0, 64, 56,
            1 if self.phnum is None else self.phnum, 64,
            len(self.sections) if self.shnum is None else self.shnum, strndx)
        head += struct.pack("<IIQQQQQQ", 1, 5, TEXT, TEXT, TEXT, PAGE, PAGE,
                            PAGE)
        return head.ljust(PAGE, b"\0") + self.text + body + headers


def xz_of_zeros(size):
    packer = lzma.LZMACompressor(preset=0)
    out = b"".join(packer.compress(bytes(1 << 20))
                   for _ in range(size >> 20))
    return out + packer.flush()


def zlib_claiming(size):
    return lambda data: struct.pack("<IIQQ", 1, 0, size, 8) + \
        zlib.compress(data)


def good(text):
    return Elf(text).symbols([("hot", TEXT, PAGE)]).bytes()


def slow(text):
    """Millions of functions at one place, with two names of 16 KB that are
    the same: a sort that compares them for ever."""
    elf = Elf(text)
    pair = b"".join(struct.pack("<IBBHQQ", at, 0x12, 0, 1, TEXT, 16)
                    for at in (1, 16385))
    name = b"x" * 16383 + b"\0"
    elf.symbols([], strings=b"\0" + name + name,
                pack=lambda table: table + pair * 1900000)
    return elf.bytes()


def no_sections_but_a_table(text):
    elf = Elf(text).symbols([("hot", TEXT, PAGE)])
    elf.shnum = 0
    return elf.bytes()


def too_many_segments(text):
    elf = Elf(text).symbols([("hot", TEXT, PAGE)])
    elf.phnum = 0xffff
    return elf.bytes()


def bomb_in_debug_data(text):
    elf = Elf(text).symbols([("hot", TEXT, PAGE)])
    elf.add(".gnu_debugdata", 1, 0, xz_of_zeros(400 << 20))
    return elf.bytes()


def bomb_in_section(text):
    return Elf(text).symbols([("hot", TEXT, PAGE)], flags=0x800,
                             pack=zlib_claiming(1 << 40)).bytes()


def large_tables(text):
    """For a file that is made sparse: 200 MB of symbols, and as much names."""
    elf = Elf(text).symbols([("hot", TEXT, PAGE)])
    return elf.resize(".symtab", 200 << 20).resize(
        ".strtab", 200 << 20).bytes()


def foreign(text):
    data = bytearray(good(text))
    data[18:20] = struct.pack("<H", 22)
    return bytes(data)


def no_elf(text):
    return b"#!/bin/sh\n".ljust(PAGE, b"\n") + text.ljust(PAGE, b"\xcc")
