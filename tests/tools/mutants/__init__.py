"""Change the product in many small ways, one at a time, and see whether the tests notice: `make mutants`."""
