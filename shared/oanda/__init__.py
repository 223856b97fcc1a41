"""OANDA's v20 REST interface and price stream: candles, prices, account, and closing what is open.

Nothing here can open a position: the connection has no POST, and its only PUT closes. Prices are whole points, amounts
are decimals, times are seconds or nanoseconds since the epoch in UTC; none of them is ever a binary float.
"""
