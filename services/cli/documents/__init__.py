"""What `--json` writes: the shape of every verb's document, from which its schema is published."""
