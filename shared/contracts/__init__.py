"""What services tell each other: facts, codec, exact texts, closed sets of words, errors by fault."""
