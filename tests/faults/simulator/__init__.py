"""The deployed shape in one process: a clock, a broker and a scheduler that obey a seed, and faults of every kind."""
