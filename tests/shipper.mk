# Tests of shipper.
