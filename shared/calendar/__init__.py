"""Market hours, sessions, trading days and economic events: everything that needs a time zone.

Times are seconds since the epoch in UTC. What exists for a column of times exists for one time too, from one formula.
"""
