"""`scalpbot schema`: the shape of what a verb writes with `--json`."""
