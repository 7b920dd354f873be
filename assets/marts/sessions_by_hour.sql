CREATE VIEW marts.sessions_by_hour AS
WITH hours AS (
    SELECT weekday, hour
    FROM range(1, 8) AS weekdays (weekday), range(24) AS hours (hour)
),

steps AS (
    SELECT isodow(created_at) AS weekday, hour(created_at) AS hour, count(*) AS created
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL AND created_at IS NOT NULL
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT isodow(opened_at) AS weekday, hour(opened_at) AS hour, count(*) AS opened
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL AND opened_at IS NOT NULL
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT isodow(claimed_at) AS weekday, hour(claimed_at) AS hour, count(*) AS claimed
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL AND claimed_at IS NOT NULL
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT isodow(validated_at) AS weekday, hour(validated_at) AS hour, count(*) AS validated
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL AND validated_at IS NOT NULL
    GROUP BY ALL
)

SELECT
    weekday,
    hour,
    coalesce(sum(created), 0)::BIGINT AS created,
    coalesce(sum(opened), 0)::BIGINT AS opened,
    coalesce(sum(claimed), 0)::BIGINT AS claimed,
    coalesce(sum(validated), 0)::BIGINT AS validated
FROM hours
LEFT JOIN steps USING (weekday, hour)
GROUP BY ALL;

COMMENT ON VIEW marts.sessions_by_hour IS 'At which hour of the week sessions are created, opened, claimed and validated; one row for each of the 168 hours, live rows only';
COMMENT ON COLUMN marts.sessions_by_hour.weekday IS '1 is Monday, 7 Sunday, UTC';
COMMENT ON COLUMN marts.sessions_by_hour.hour IS '0 to 23, UTC';
COMMENT ON COLUMN marts.sessions_by_hour.created IS 'Sessions created in this hour of the week';
COMMENT ON COLUMN marts.sessions_by_hour.opened IS 'Sessions first opened in this hour of the week';
COMMENT ON COLUMN marts.sessions_by_hour.claimed IS 'Sessions claimed in this hour of the week';
COMMENT ON COLUMN marts.sessions_by_hour.validated IS 'Sessions validated in this hour of the week';
