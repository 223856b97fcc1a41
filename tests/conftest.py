"""What all tests share: the examples of property tests are the same in every run, unless exploring is asked for.

`HYPOTHESIS_PROFILE=explore make test` draws new examples, more of them, and prints how to reproduce what it finds.
"""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=1_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
