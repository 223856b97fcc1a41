"""What services say to each other: facts on the wire, their envelope and codec, and errors split by fault."""
