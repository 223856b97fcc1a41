"""Tests of the platform; run them all with `make test`."""
