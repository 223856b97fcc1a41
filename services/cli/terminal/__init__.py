"""What a person at a terminal sees: lines, tables, progress, and streams that are clean."""
