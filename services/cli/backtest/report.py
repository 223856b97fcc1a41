"""What a backtest's report is made of, whichever form it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from services.backtest.study import Study
from services.ingest.files.candle_file import CandleFile, CandleRead
from shared.contracts.granularity import granularity_name
from shared.contracts.runs import RunMode
from shared.settings.settings import Settings


@dataclass(frozen=True)
class PairInput:
    """One pair's candle file and what was settled for the pair; open times in seconds."""

    pair: str
    file: str
    header_kind: str
    granularity: str
    candles: int
    rejected_rows: int
    first_time: int
    last_time: int
    strategy: str
    profile: str
    parameters: Mapping[str, float]
    settings_digest: str

    @classmethod
    def of(cls, file: CandleFile, read: CandleRead, settings: Settings) -> Self:
        """Return the input that a candle file was."""
        pair = file.instrument.name
        settled = settings.pair(pair)
        series = read.series
        return cls(
            pair=pair,
            file=str(file.path),
            header_kind=read.header_kind,
            granularity=granularity_name(series.granularity_seconds),
            candles=len(series.time),
            rejected_rows=len(read.rejected),
            first_time=int(series.time[0]),
            last_time=int(series.time[-1]),
            strategy=settled.strategy,
            profile=settled.profile,
            parameters=settled.parameters,
            settings_digest=settings.pair_digest(pair, RunMode.BACKTEST),
        )


@dataclass(frozen=True)
class BacktestReport:
    """A study and what it was made of; `news` is the calendar's file, if there was one.

    `blocks_without_news` says whether the settings stop trading where there is no calendar; `rate_notes` which
    conversion rates were missing.
    """

    inputs: tuple[PairInput, ...]
    candle_notes: tuple[str, ...]
    news: str | None
    blocks_without_news: bool
    max_slippage_pips: Decimal
    currency: str
    study: Study
    fewest_trades: int
    rate_notes: tuple[str, ...]

    def news_words(self) -> str:
        """Return what the news gate went by."""
        if self.news is not None:
            return self.news
        return f"no calendar given: the gate {'stops every candle' if self.blocks_without_news else 'lets all pass'}"

    def warnings(self) -> list[str]:
        """Return what a reader should know before trusting the figures, each in a sentence."""
        found = []
        if self.news is None:
            done = "stopped every candle" if self.blocks_without_news else "let every candle pass"
            found.append(f"No news calendar was given, so the news gate {done}.")
        found.extend(
            f"{each.rejected_rows} bad rows of {each.file} were dropped." for each in self.inputs if each.rejected_rows
        )
        found.extend(self.candle_notes)
        found.extend(self.rate_notes)
        trades = self.study.metrics.trades
        if trades < self.fewest_trades:
            found.append(f"{trades} trades are fewer than {self.fewest_trades}, so the figures mean little.")
        split, walk = self.study.split, self.study.walk
        if (split is not None and split.overfit) or (walk is not None and walk.overfit):
            found.append("Validation falls far behind training: the strategy looks fitted to its past (overfit).")
        if self.study.funnel.left_over:
            found.append("An entry decided on the last candle was not made, because there is no next candle.")
        return found
