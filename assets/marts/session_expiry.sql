CREATE VIEW marts.session_expiry AS
WITH last_read AS (
    SELECT max(_extracted_at)::DATE AS day
    FROM main.coupon_sessions
),

open_sessions AS (
    SELECT
        campaign_id,
        last_read.day AS as_of_day,
        date_diff('day', last_read.day, expires_at_local::DATE) AS days_left,
        marts.is_reached(is_claimed, claimed_at) AS is_claimed
    FROM main.coupon_sessions, last_read
    WHERE
        _deleted_at IS NULL
        AND NOT marts.is_reached(is_validated, validated_at)
        AND NOT marts.is_void(is_voided, voided_at)
        AND coalesce(expires_at_local >= last_read.day, TRUE)
),

counted AS (
    SELECT
        campaign_id,
        as_of_day,
        CASE
            WHEN days_left <= 7 THEN '0-7'
            WHEN days_left <= 30 THEN '8-30'
            WHEN days_left <= 90 THEN '31-90'
            WHEN days_left > 90 THEN 'later'
            ELSE 'none'
        END AS days_left,
        count(*) AS open_sessions,
        count(*) FILTER (is_claimed) AS claimed
    FROM open_sessions
    GROUP BY ALL
)

SELECT
    campaign_id,
    campaigns.name AS campaign_name,
    as_of_day,
    days_left,
    open_sessions,
    claimed
FROM counted
LEFT JOIN main.campaigns USING (campaign_id);

COMMENT ON VIEW marts.session_expiry IS 'Sessions that can still be used, by the days until they expire; one row per campaign and range of days, live rows only; a session is open if it is neither validated nor void nor expired, also if it is locked, as what a lock prevents is not documented';
COMMENT ON COLUMN marts.session_expiry.campaign_id IS 'Campaign';
COMMENT ON COLUMN marts.session_expiry.campaign_name IS 'Name inside the account';
COMMENT ON COLUMN marts.session_expiry.as_of_day IS 'Day from which the days are counted, UTC: that of the last export that found a session, which is earlier than the last export where nothing has happened since';
COMMENT ON COLUMN marts.session_expiry.days_left IS 'Days from as_of_day to the day of expiry: 0-7, 8-30, 31-90, later, or none if the session has no expiry; the zone of the expiry is not documented, so that it may be a day off';
COMMENT ON COLUMN marts.session_expiry.open_sessions IS 'Open sessions; includes used ones where own codes are scanned at a till without Coupontools';
COMMENT ON COLUMN marts.session_expiry.claimed IS 'Open sessions that were claimed';
