"""How the rows of the fault matrix are played."""
