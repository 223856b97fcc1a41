"""The kinds of values in JSON documents: exact money and prices as text, times in one form."""

from typing import Annotated, TypeAlias

from msgspec import Meta

from shared.contracts.decimals import MONEY_DIGITS, PIPS_DIGITS

Money: TypeAlias = Annotated[
    str, Meta(pattern=rf"^-?\d+\.\d{{{MONEY_DIGITS}}}$", description="Money in the account's currency, exact.")
]
Price: TypeAlias = Annotated[
    str, Meta(pattern=r"^\d+\.\d+$", description="A price with all decimals of a point, exact.")
]
Pips: TypeAlias = Annotated[
    str, Meta(pattern=rf"^-?\d+\.\d{{{PIPS_DIGITS}}}$", description="A distance in price in pips, exact.")
]
Time: TypeAlias = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", description="A time in UTC, to the second.")
]
StoredTime: TypeAlias = Annotated[
    str, Meta(description="A time in UTC, written like any other unless plain SQL put something else there.")
]
Day: TypeAlias = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$", description="A trading day.")]
Pair: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z0-9]+_[A-Z0-9]+$", description="A currency pair.")]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Hash: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", description="A sha256.")]
