# Tests of river.
