#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What each program is made of: the collector contains no River, label, LRU,
# ELF or HTTP code, only the shipper knows the network's libraries, and no room
# includes what is another's.
set -u
cd "$top_builddir" || exit 1
n=0 bad=0

ok() { # ok GOOD NAME [DETAIL...]
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
		return
	fi
	bad=1
	echo "not ok $n - $2"
	shift 2
	printf '# %s\n' "$@"
}

# Names of what a program or library has that is not static.
exported() {
	nm -g --defined-only "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' |
		sort -u
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# apart PROGRAM OWN-LIBRARIES FOREIGN-LIBRARIES
apart() {
	exported "$1" >"$scratch/program"
	for lib in $2; do
		exported "$lib"
	done | sort -u >"$scratch/own"
	[ -s "$scratch/program" ] && [ -s "$scratch/own" ]
	ok $? "$1: has a symbol table"
	for lib in $3; do
		exported "$lib" >"$scratch/all"
		# rooms may have names in common, each its own function
		comm -23 "$scratch/all" "$scratch/own" >"$scratch/foreign"
		found=$(comm -12 "$scratch/program" "$scratch/foreign")
		[ -s "$scratch/foreign" ] && [ -z "$found" ]
		ok $? "$1: nothing of $lib" $found
	done
}

# libraries PROGRAM FORBIDDEN...
libraries() {
	program=$1
	shift
	needed=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
	for lib in "$@"; do
		case $needed in
		*"$lib"*) ok 1 "$program: not linked with $lib" $needed ;;
		'') ok 1 "$program: linked with something" ;;
		*) ok 0 "$program: not linked with $lib" ;;
		esac
	done
}

# includes ROOM ROOM...: the first includes no header of the others
includes() {
	room=$1
	shift
	for other in "$@"; do
		found=$(cd "$top_srcdir" && grep -rl --include='*.[ch]' \
			"#include \"$other/" "$room")
		[ -d "$top_srcdir/$room" ] && [ -z "$found" ]
		ok $? "$room/ includes nothing of $other/" $found
	done
}

apart phlare-collector "libcollector.a libcommon.a" \
	"libriver.a libsymbolizer.a libshipper.a libcli.a"
apart phlare-symbolizer "libsymbolizer.a libcommon.a" \
	"libriver.a libcollector.a libshipper.a libcli.a"
apart phlare-shipper "libshipper.a libriver.a libcommon.a" \
	"libcollector.a libsymbolizer.a libcli.a"
apart phlare-ebpf "libcli.a libriver.a libcommon.a" \
	"libcollector.a libsymbolizer.a libshipper.a"

libraries phlare-collector libelf libcurl libjansson libdeflate liblzma \
	libpcre2 libssl libgnutls
libraries phlare-symbolizer libbpf libcurl libjansson libpcre2 libssl libgnutls
libraries phlare-shipper libbpf libelf
libraries phlare-ebpf libbpf libelf libcurl

includes common bpf collector symbolizer shipper cli
includes bpf collector symbolizer shipper cli common
includes collector symbolizer shipper cli
includes symbolizer bpf collector shipper cli
includes shipper bpf collector symbolizer cli
includes cli bpf collector symbolizer shipper
echo "1..$n"
exit $bad
