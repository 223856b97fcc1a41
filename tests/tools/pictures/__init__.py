"""The pictures of docs/architecture.md, drawn from the import contracts and from a few lines of text."""
