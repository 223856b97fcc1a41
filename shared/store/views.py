"""Views for people and their tools: judged candles gate by gate and figure by figure; no program of ours reads them."""

from typing import Final

from sqlalchemy import Connection, MetaData, event

# What each gate said of each judged candle.
VERDICTS: Final = """CREATE VIEW verdicts AS
SELECT gate_snapshots.seq, gate_snapshots.pair, gate_snapshots.candle_time, gate_snapshots.ts_utc, number, gate,
    CASE number
        WHEN 1 THEN session_reason WHEN 2 THEN spread_reason WHEN 3 THEN news_reason
        WHEN 4 THEN open_position_reason WHEN 5 THEN daily_loss_reason WHEN 6 THEN market_state_reason
        WHEN 7 THEN signal_reason
    END IS NULL AS passed,
    CASE number
        WHEN 1 THEN session_value WHEN 2 THEN spread_value WHEN 3 THEN news_value
        WHEN 4 THEN open_position_value WHEN 5 THEN daily_loss_value WHEN 6 THEN market_state_value
        WHEN 7 THEN signal_value
    END AS value,
    CASE number
        WHEN 1 THEN session_limit WHEN 2 THEN spread_limit WHEN 3 THEN news_limit
        WHEN 4 THEN open_position_limit WHEN 5 THEN daily_loss_limit WHEN 6 THEN market_state_limit
        WHEN 7 THEN signal_limit
    END AS gate_limit,
    coalesce(CASE number
        WHEN 1 THEN session_reason WHEN 2 THEN spread_reason WHEN 3 THEN news_reason
        WHEN 4 THEN open_position_reason WHEN 5 THEN daily_loss_reason WHEN 6 THEN market_state_reason
        WHEN 7 THEN signal_reason
    END, 'passed') AS reason
FROM gate_snapshots
JOIN judged_by ON judged_by.id = gate_snapshots.judged_by_id
CROSS JOIN (
    SELECT 1 AS number, 'session' AS gate UNION ALL
    SELECT 2, 'spread' UNION ALL
    SELECT 3, 'news' UNION ALL
    SELECT 4, 'open_position' UNION ALL
    SELECT 5, 'daily_loss' UNION ALL
    SELECT 6, 'market_state' UNION ALL
    SELECT 7, 'signal'
) AS gates"""

# The figures behind the verdicts, those of every strategy and its own, NULL where they were not valid yet.
INDICATORS: Final = """CREATE VIEW indicators AS
SELECT * FROM (
    SELECT gate_snapshots.seq, gate_snapshots.pair, gate_snapshots.candle_time, gate_snapshots.ts_utc, number,
    CASE number
        WHEN 1 THEN 'atr' WHEN 2 THEN 'atr_median' WHEN 3 THEN 'adx'
        WHEN 4 THEN judged_by.reading_1_name WHEN 5 THEN judged_by.reading_2_name
        WHEN 6 THEN judged_by.reading_3_name WHEN 7 THEN judged_by.reading_4_name
        WHEN 8 THEN judged_by.reading_5_name WHEN 9 THEN judged_by.reading_6_name
    END AS name,
    CASE number
        WHEN 1 THEN assessments.atr WHEN 2 THEN assessments.atr_median WHEN 3 THEN assessments.adx
        WHEN 4 THEN assessments.reading_1 WHEN 5 THEN assessments.reading_2
        WHEN 6 THEN assessments.reading_3 WHEN 7 THEN assessments.reading_4
        WHEN 8 THEN assessments.reading_5 WHEN 9 THEN assessments.reading_6
    END AS value
    FROM gate_snapshots
    JOIN judged_by ON judged_by.id = gate_snapshots.judged_by_id
    JOIN assessments ON assessments.seq = gate_snapshots.seq
    CROSS JOIN (
        SELECT 1 AS number UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
        UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
    ) AS numbers
) AS figures
WHERE name IS NOT NULL"""

# The sixteenth schema creates these; a later one that changes them brings statements of its own.
VIEWS: Final = (VERDICTS, INDICATORS)


def attach_views(metadata: MetaData) -> None:
    """Have the views created after the tables of a metadata."""
    event.listen(metadata, "after_create", _create_views)


def _create_views(_metadata: MetaData, connection: Connection, **_options: object) -> None:
    for statement in VIEWS:
        connection.exec_driver_sql(statement)
