-- FILTER takes longer than count_if and CASE; count_if is null where all is null, so conditions are true or false
CREATE VIEW marts.campaign_funnel_by_day AS
WITH counted AS (
    SELECT
        campaign_id,
        created_at::DATE AS day,
        count(*) AS created,
        count_if(marts.is_reached(is_opened, opened_at))::BIGINT AS opened,
        count_if(marts.is_reached(is_played, played_at))::BIGINT AS played,
        count_if(marts.is_reached(is_claimed, claimed_at))::BIGINT AS claimed,
        count_if(marts.is_reached(is_validated, validated_at))::BIGINT AS validated,
        count_if(marts.is_void(is_voided, voided_at))::BIGINT AS voided,
        quantile_cont(CASE WHEN opened_at >= created_at THEN date_diff('second', created_at, opened_at) END, [0.5, 0.9]) AS to_open,
        quantile_cont(CASE WHEN claimed_at >= opened_at THEN date_diff('second', opened_at, claimed_at) END, [0.5, 0.9]) AS to_claim,
        quantile_cont(CASE WHEN validated_at >= claimed_at THEN date_diff('second', claimed_at, validated_at) END, [0.5, 0.9]) AS to_validate,
        count_if(
            marts.is_reached(is_saved_to_apple_wallet, saved_to_apple_wallet_at)
            OR marts.is_reached(is_saved_to_google_wallet, saved_to_google_wallet_at)
        )::BIGINT AS saved_to_wallet,
        count(own_validation_code) AS with_own_code,
        count(CASE WHEN marts.is_reached(is_validated, validated_at) THEN validation_value END) AS validated_with_money,
        sum(CASE WHEN marts.is_reached(is_validated, validated_at) THEN validation_value END) AS money_spent
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL
    GROUP BY ALL
),

of_campaigns AS (
    SELECT
        campaign_id,
        max(with_own_code) > 0 AS has_own_codes,
        max(validated) = 0 AS has_no_validation
    FROM counted
    GROUP BY campaign_id
)

SELECT
    campaign_id,
    campaigns.name AS campaign_name,
    campaigns.title AS campaign_title,
    day,
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
    to_validate[2] AS p90_seconds_to_validate,
    validated / nullif(opened, 0) AS validated_of_opened_rate,
    saved_to_wallet,
    saved_to_wallet / created AS saved_to_wallet_rate,
    validated_with_money,
    validated_with_money / nullif(validated, 0) AS money_share,
    money_spent,
    (has_own_codes OR coalesce(campaigns.custom_codes, 0) > 0) AND has_no_validation AS validation_may_not_be_tracked
FROM counted
INNER JOIN of_campaigns USING (campaign_id)
LEFT JOIN main.campaigns USING (campaign_id);

COMMENT ON VIEW marts.campaign_funnel_by_day IS 'How many of the sessions created on a day have reached each step since, and how fast; one row per campaign and day of creation, live rows only; sessions are not people, and each rate names its denominator; how many would have bought without a coupon is not in the data, which has no control group';
COMMENT ON COLUMN marts.campaign_funnel_by_day.campaign_id IS 'Campaign';
COMMENT ON COLUMN marts.campaign_funnel_by_day.campaign_name IS 'Name inside the account';
COMMENT ON COLUMN marts.campaign_funnel_by_day.campaign_title IS 'Title that consumers see';
COMMENT ON COLUMN marts.campaign_funnel_by_day.day IS 'Day of creation, UTC; null where the creation date is missing';
COMMENT ON COLUMN marts.campaign_funnel_by_day.created IS 'Sessions created';
COMMENT ON COLUMN marts.campaign_funnel_by_day.opened IS 'Sessions opened';
COMMENT ON COLUMN marts.campaign_funnel_by_day.played IS 'Sessions whose game was played';
COMMENT ON COLUMN marts.campaign_funnel_by_day.claimed IS 'Sessions claimed; a session can be claimed without being opened';
COMMENT ON COLUMN marts.campaign_funnel_by_day.validated IS 'Sessions validated (redeemed)';
COMMENT ON COLUMN marts.campaign_funnel_by_day.voided IS 'Sessions that are void now; they stay in the other counts, nothing is netted';
COMMENT ON COLUMN marts.campaign_funnel_by_day.opened_rate IS 'opened / created';
COMMENT ON COLUMN marts.campaign_funnel_by_day.claimed_rate IS 'claimed / created';
COMMENT ON COLUMN marts.campaign_funnel_by_day.validated_rate IS 'validated / created';
COMMENT ON COLUMN marts.campaign_funnel_by_day.validated_of_claimed_rate IS 'validated / claimed; null where none is claimed; above 1 where sessions are validated without a claim';
COMMENT ON COLUMN marts.campaign_funnel_by_day.median_seconds_to_open IS 'Median of the seconds from creation to opening, of sessions with both dates in this order';
COMMENT ON COLUMN marts.campaign_funnel_by_day.p90_seconds_to_open IS '90th percentile of the seconds from creation to opening, of sessions with both dates in this order, between values interpolated';
COMMENT ON COLUMN marts.campaign_funnel_by_day.median_seconds_to_claim IS 'Median of the seconds from opening to claim, of sessions with both dates in this order';
COMMENT ON COLUMN marts.campaign_funnel_by_day.p90_seconds_to_claim IS '90th percentile of the seconds from opening to claim, of sessions with both dates in this order, between values interpolated';
COMMENT ON COLUMN marts.campaign_funnel_by_day.median_seconds_to_validate IS 'Median of the seconds from claim to validation, of sessions with both dates in this order';
COMMENT ON COLUMN marts.campaign_funnel_by_day.p90_seconds_to_validate IS '90th percentile of the seconds from claim to validation, of sessions with both dates in this order, between values interpolated';
COMMENT ON COLUMN marts.campaign_funnel_by_day.validated_of_opened_rate IS 'validated / opened; null where none is opened; above 1 where sessions are validated without being opened';
COMMENT ON COLUMN marts.campaign_funnel_by_day.saved_to_wallet IS 'Sessions saved to the Apple or the Google wallet; the API shows no removals';
COMMENT ON COLUMN marts.campaign_funnel_by_day.saved_to_wallet_rate IS 'saved_to_wallet / created';
COMMENT ON COLUMN marts.campaign_funnel_by_day.validated_with_money IS 'Validated sessions with a validation value';
COMMENT ON COLUMN marts.campaign_funnel_by_day.money_share IS 'validated_with_money / validated: the share of validations that money_spent covers; null where none is validated';
COMMENT ON COLUMN marts.campaign_funnel_by_day.money_spent IS 'Sum of the validation values of validated sessions, void ones included, taken to be the money that consumers spent; the API names no currency; null where none has a value';
COMMENT ON COLUMN marts.campaign_funnel_by_day.validation_may_not_be_tracked IS 'Whether the campaign, over all its days, has own codes and no validation at all: scans of own codes at a till are not seen by Coupontools, so 0 may mean not tracked; where personal data is dropped, only the campaign''s statistics show own codes';
