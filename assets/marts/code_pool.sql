CREATE VIEW marts.code_pool AS
WITH counted AS (
    SELECT
        campaign_id,
        count(*) AS sessions_with_code,
        count(*) FILTER (marts.is_reached(is_claimed, claimed_at)) AS claimed_with_code,
        count(*) FILTER (marts.is_reached(is_validated, validated_at)) AS validated_with_code,
        max(created_at) AS last_created_at
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL AND own_validation_code IS NOT NULL
    GROUP BY campaign_id
),

of_campaigns AS (
    SELECT
        campaign_id,
        name,
        CASE WHEN _deleted_at IS NULL THEN custom_codes END AS custom_codes,
        CASE WHEN _deleted_at IS NULL THEN custom_codes_claimed END AS custom_codes_claimed
    FROM main.campaigns
)

SELECT
    campaign_id,
    of_campaigns.name AS campaign_name,
    custom_codes AS codes,
    custom_codes_claimed AS codes_issued,
    try_cast(custom_codes::HUGEINT - custom_codes_claimed AS BIGINT) AS codes_left,
    (custom_codes::HUGEINT - custom_codes_claimed) / nullif(custom_codes, 0) AS left_rate,
    coalesce(sessions_with_code, 0) AS sessions_with_code,
    coalesce(claimed_with_code, 0) AS claimed_with_code,
    coalesce(validated_with_code, 0) AS validated_with_code,
    last_created_at
FROM of_campaigns
FULL JOIN counted USING (campaign_id)
WHERE custom_codes > 0 OR sessions_with_code > 0;

COMMENT ON VIEW marts.code_pool IS 'Own codes of campaigns, issued and left; one row per campaign with own codes, live rows only; their total is only in the campaign''s statistics, which not every account has; where personal data is dropped, the codes of sessions are not known';
COMMENT ON COLUMN marts.code_pool.campaign_id IS 'Campaign';
COMMENT ON COLUMN marts.code_pool.campaign_name IS 'Name inside the account';
COMMENT ON COLUMN marts.code_pool.codes IS 'Number of own codes, from the campaign''s statistics; null where these do not have it';
COMMENT ON COLUMN marts.code_pool.codes_issued IS 'Number of own codes claimed, from the campaign''s statistics';
COMMENT ON COLUMN marts.code_pool.codes_left IS 'codes minus codes_issued';
COMMENT ON COLUMN marts.code_pool.left_rate IS 'codes_left / codes';
COMMENT ON COLUMN marts.code_pool.sessions_with_code IS 'Sessions with an own code, counted in coupon_sessions; can differ from codes_issued, since sessions can be deleted';
COMMENT ON COLUMN marts.code_pool.claimed_with_code IS 'Sessions with an own code that were claimed';
COMMENT ON COLUMN marts.code_pool.validated_with_code IS 'Sessions with an own code that were validated; 0 may mean that scans of own codes are not tracked';
COMMENT ON COLUMN marts.code_pool.last_created_at IS 'When the newest session with an own code was created, UTC';
