"""Settings and where they come from, and the parameters of the machines that follow from them."""
