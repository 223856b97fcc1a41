"""Settings: sections and values, where they come from, and the parameters that follow from them."""
