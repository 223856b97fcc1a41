"""Facts and states survive the wire and the store to the last bit."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import decode_assessed, decode_closed, encode_assessed, encode_closed
from shared.contracts.errors import InvariantError, MessageError
from shared.contracts.facts import CandleAssessed, CandleClosed, NewsEvent
from shared.contracts.state_json import decode_state, encode_state
from shared.core.types import Assessment, Candle, Readings
from tests.fixtures.market import fresh_market, market_params

prices = st.integers(1, 10**9)
readings = st.floats(allow_nan=False, allow_infinity=False) | st.just(math.nan)
candles = st.builds(Candle, st.integers(0, 4 * 10**9), *(prices,) * 8, st.floats(0, 1e12))
closed_facts = st.builds(
    CandleClosed,
    st.just("candles.0"),
    st.integers(1, 2**53),
    st.integers(0, 2**53),
    st.sampled_from(["EUR_USD", "USD_JPY"]),
    st.sampled_from([60, 300]),
    st.integers(1, 6),
    candles,
)
assessments = st.builds(
    Assessment,
    *(st.integers(0, 18),) * 4,
    st.sampled_from([-1, 0, 1]),
    st.integers(0, 4),
    st.integers(0, 10**6),
    *(readings,) * 3,
    st.builds(Readings, *(readings,) * 6),
)
news = st.none() | st.builds(NewsEvent, st.text(max_size=20), st.just("USD"), st.floats(-1e6, 1e6))
assessed_facts = st.builds(
    CandleAssessed,
    closed_facts,
    st.just("ema_vwap"),
    st.text("0123456789abcdef"),
    st.integers(0, 40_000),
    assessments,
    news,
)


@given(closed_facts)
def test_closed_candle_reads_back_as_it_was(fact: CandleClosed) -> None:
    assert decode_closed(encode_closed(fact)) == fact


@given(assessed_facts)
def test_assessed_candle_reads_back_as_it_was(fact: CandleAssessed) -> None:
    # Readings that are not valid are NaN, which equals nothing; their texts are equal.
    assert repr(decode_assessed(encode_assessed(fact))) == repr(fact)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"pair": "EUR_USD"}', '{"pair": 7}', "\x00", '{"candle": {}}']
)
def test_text_that_is_no_fact_is_a_message_error(text: str) -> None:
    for decode in (decode_closed, decode_assessed):
        with pytest.raises(MessageError):
            decode(text)


@given(closed_facts, st.sampled_from(["1.5x", "NaN", "1e40", "1e999999999", "", "1.2345678", None, 7]))
def test_price_that_is_no_whole_number_of_points_is_a_message_error(fact: CandleClosed, price: object) -> None:

    fields = json.loads(encode_closed(fact))
    fields["bid_open"] = price
    with pytest.raises(MessageError):
        decode_closed(json.dumps(fields))


@given(st.lists(readings, min_size=200, max_size=200))
def test_state_reads_back_to_the_last_bit(values: list[float]) -> None:
    start, cells = fresh_market(market_params(strategy="bb_breakout"))
    for slot, value in enumerate(values):
        cells.atr.values[slot] = 0.0 if math.isnan(value) else value
    state = (start._replace(atr=start.atr._replace(value=values[0]), adx=start.adx._replace(value=values[1])), cells)
    text = encode_state(state)
    assert repr(decode_state(text, state)) == repr(state)
    assert encode_state(decode_state(text, state)) == text


def test_state_of_another_shape_is_our_own_fault() -> None:
    with pytest.raises(InvariantError):
        decode_state("[1, 2]", (1, 2, 3))
