# SPDX-License-Identifier: Apache-2.0
# What configure checks. A missing tool or library is collected with the
# Debian package that has it, so that one run names everything.

# PHLARE_MISS(what, package)
AC_DEFUN([PHLARE_MISS], [
    phlare_missing="$phlare_missing
    $1 (Debian: $2)"])

# PHLARE_TOOL(VARIABLE, names, package, purpose)
AC_DEFUN([PHLARE_TOOL], [
    AC_ARG_VAR([$1], [program to $4])
    AC_PATH_PROGS([$1], [$2], [], [$PATH:/usr/sbin:/sbin])
    AS_IF([test -z "$$1"], [PHLARE_MISS([program $2], [$3])])])

# PHLARE_PKG(VARIABLE, pkg-config spec, package)
AC_DEFUN([PHLARE_PKG], [
    PKG_CHECK_MODULES([$1], [$2], [], [PHLARE_MISS([$2], [$3])])])

# PHLARE_LIB(VARIABLE, library, function, header, package)
AC_DEFUN([PHLARE_LIB], [
    phlare_save_LIBS=$LIBS
    AC_CHECK_HEADER([$4], [
        AC_CHECK_LIB([$2], [$3], [$1_LIBS=-l$2],
            [PHLARE_MISS([library $2], [$5])])],
        [PHLARE_MISS([header $4], [$5])])
    LIBS=$phlare_save_LIBS
    AC_SUBST([$1_LIBS])])

# PHLARE_HEADER(header, package)
AC_DEFUN([PHLARE_HEADER], [
    AC_CHECK_HEADER([$1], [], [PHLARE_MISS([header $1], [$2])])])

# PHLARE_MISSING: stop if anything was missing
AC_DEFUN([PHLARE_MISSING], [
    AS_IF([test -n "$phlare_missing"], [
        AC_MSG_ERROR([missing:$phlare_missing
run ./bootstrap, or install the packages named above])])])

# PHLARE_BPF_ARCH: the name libbpf's headers give this processor
AC_DEFUN([PHLARE_BPF_ARCH],
    [$(AS_CASE([$host_cpu], [x86_64], [echo x86], [aarch64], [echo arm64],
        [echo unsupported]))])
