"""The way in: connections that have a place only while they ask, deadlines for what they send and take, refusals."""
