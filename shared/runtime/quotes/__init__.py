"""Prices on their way: a board of the newest, and how they go from process to process."""
