#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The sampler with the real BPF program, without a listener before it.
exec "$top_builddir/tests/test_sampler"
