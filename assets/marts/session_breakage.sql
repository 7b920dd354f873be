-- FILTER takes longer than count_if and CASE; count_if is null where all is null, so conditions are true or false
CREATE VIEW marts.session_breakage AS
WITH last_read AS (
    SELECT max(_extracted_at)::DATE AS day
    FROM main.coupon_sessions
),

counted AS (
    SELECT
        campaign_id,
        CASE WHEN expires_at_local < last_read.day THEN date_trunc('month', expires_at_local)::DATE END AS month,
        count(*) AS expired,
        count_if(marts.is_reached(is_claimed, claimed_at))::BIGINT AS claimed,
        count_if(marts.is_reached(is_validated, validated_at))::BIGINT AS validated,
        count_if(marts.is_void(is_voided, voided_at))::BIGINT AS voided,
        count_if(
            NOT marts.is_reached(is_validated, validated_at) AND NOT marts.is_void(is_voided, voided_at)
        )::BIGINT AS unused,
        count(own_validation_code) AS with_own_code
    FROM main.coupon_sessions, last_read
    WHERE _deleted_at IS NULL
    GROUP BY ALL
),

of_campaigns AS (
    SELECT
        campaign_id,
        sum(with_own_code) > 0 AS has_own_codes,
        sum(validated) = 0 AS has_no_validation
    FROM counted
    GROUP BY campaign_id
)

SELECT
    campaign_id,
    campaigns.name AS campaign_name,
    month,
    expired,
    claimed,
    validated,
    voided,
    unused,
    unused / expired AS breakage_rate,
    (has_own_codes OR coalesce(campaigns.custom_codes, 0) > 0) AND has_no_validation AS validation_may_not_be_tracked
FROM counted
INNER JOIN of_campaigns USING (campaign_id)
LEFT JOIN main.campaigns USING (campaign_id)
WHERE month IS NOT NULL;

COMMENT ON VIEW marts.session_breakage IS 'Sessions that have expired, and how many of them nobody used (breakage); one row per campaign and month of expiry, live rows only; sessions without an expiry are left out';
COMMENT ON COLUMN marts.session_breakage.campaign_id IS 'Campaign';
COMMENT ON COLUMN marts.session_breakage.campaign_name IS 'Name inside the account';
COMMENT ON COLUMN marts.session_breakage.month IS 'First day of the month of expiry, in the local time of the expiry, whose zone is not documented';
COMMENT ON COLUMN marts.session_breakage.expired IS 'Sessions whose expiry was before the day of the last export that found a session; may be a day off, as the zone is not documented';
COMMENT ON COLUMN marts.session_breakage.claimed IS 'Expired sessions that were claimed';
COMMENT ON COLUMN marts.session_breakage.validated IS 'Expired sessions that were validated (redeemed)';
COMMENT ON COLUMN marts.session_breakage.voided IS 'Expired sessions that are void now; they may be validated too';
COMMENT ON COLUMN marts.session_breakage.unused IS 'Expired sessions that are neither validated nor void; locked ones too';
COMMENT ON COLUMN marts.session_breakage.breakage_rate IS 'unused / expired';
COMMENT ON COLUMN marts.session_breakage.validation_may_not_be_tracked IS 'Whether the campaign has own codes and no validation at all: scans of own codes at a till are not seen by Coupontools, so unused may mean not tracked; where personal data is dropped, only the campaign''s statistics show own codes';
