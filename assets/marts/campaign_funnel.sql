CREATE VIEW marts.campaign_funnel AS
WITH counted AS (
    SELECT
        campaign_id,
        min(created_at)::DATE AS first_day,
        max(created_at)::DATE AS last_day,
        count(*) AS created,
        count(*) FILTER (is_opened OR opened_at IS NOT NULL) AS opened,
        count(*) FILTER (is_played OR played_at IS NOT NULL) AS played,
        count(*) FILTER (is_claimed OR claimed_at IS NOT NULL) AS claimed,
        count(*) FILTER (is_validated OR validated_at IS NOT NULL) AS validated,
        count(*) FILTER (is_voided OR voided_at IS NOT NULL) AS voided,
        quantile_cont(epoch(opened_at - created_at), [0.5, 0.9]) FILTER (opened_at >= created_at) AS to_open,
        quantile_cont(epoch(claimed_at - opened_at), [0.5, 0.9]) FILTER (claimed_at >= opened_at) AS to_claim,
        quantile_cont(epoch(validated_at - claimed_at), [0.5, 0.9]) FILTER (validated_at >= claimed_at) AS to_validate
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL
    GROUP BY ALL
)

SELECT
    campaign_id,
    campaigns.name AS campaign_name,
    campaigns.title AS campaign_title,
    first_day,
    last_day,
    created,
    opened,
    played,
    claimed,
    validated,
    voided,
    opened / created AS opened_rate,
    claimed / created AS claimed_rate,
    validated / created AS validated_rate,
    validated / nullif(claimed, 0) AS validated_of_claimed_rate,
    to_open[1] AS median_seconds_to_open,
    to_open[2] AS p90_seconds_to_open,
    to_claim[1] AS median_seconds_to_claim,
    to_claim[2] AS p90_seconds_to_claim,
    to_validate[1] AS median_seconds_to_validate,
    to_validate[2] AS p90_seconds_to_validate
FROM counted
LEFT JOIN main.campaigns USING (campaign_id);

COMMENT ON VIEW marts.campaign_funnel IS 'How many sessions of each campaign came to each step of their life, and how fast; one row per campaign with sessions, live rows only';
COMMENT ON COLUMN marts.campaign_funnel.campaign_id IS 'Campaign';
COMMENT ON COLUMN marts.campaign_funnel.campaign_name IS 'Name inside the account';
COMMENT ON COLUMN marts.campaign_funnel.campaign_title IS 'Title that consumers see';
COMMENT ON COLUMN marts.campaign_funnel.first_day IS 'Day of the first creation, UTC';
COMMENT ON COLUMN marts.campaign_funnel.last_day IS 'Day of the last creation, UTC';
COMMENT ON COLUMN marts.campaign_funnel.created IS 'Sessions created';
COMMENT ON COLUMN marts.campaign_funnel.opened IS 'of these, opened';
COMMENT ON COLUMN marts.campaign_funnel.played IS 'of these, whose game was played';
COMMENT ON COLUMN marts.campaign_funnel.claimed IS 'of these, claimed; may be without being opened';
COMMENT ON COLUMN marts.campaign_funnel.validated IS 'of these, validated (redeemed)';
COMMENT ON COLUMN marts.campaign_funnel.voided IS 'of these, void';
COMMENT ON COLUMN marts.campaign_funnel.opened_rate IS 'opened / created';
COMMENT ON COLUMN marts.campaign_funnel.claimed_rate IS 'claimed / created';
COMMENT ON COLUMN marts.campaign_funnel.validated_rate IS 'validated / created';
COMMENT ON COLUMN marts.campaign_funnel.validated_of_claimed_rate IS 'validated / claimed; null where none is claimed';
COMMENT ON COLUMN marts.campaign_funnel.median_seconds_to_open IS 'Median of the seconds from creation to opening, of those with both dates in this order';
COMMENT ON COLUMN marts.campaign_funnel.p90_seconds_to_open IS '90th percentile of the same';
COMMENT ON COLUMN marts.campaign_funnel.median_seconds_to_claim IS 'Median of the seconds from opening to claim, of those with both dates in this order';
COMMENT ON COLUMN marts.campaign_funnel.p90_seconds_to_claim IS '90th percentile of the same';
COMMENT ON COLUMN marts.campaign_funnel.median_seconds_to_validate IS 'Median of the seconds from claim to validation, of those with both dates in this order';
COMMENT ON COLUMN marts.campaign_funnel.p90_seconds_to_validate IS '90th percentile of the same';
