-- FILTER takes longer than count_if and CASE; count_if is null where all is null, so conditions are true or false
CREATE VIEW marts.channels AS
WITH counted AS (
    SELECT
        utm_source,
        utm_medium,
        utm_campaign,
        min(created_at)::DATE AS first_day,
        max(created_at)::DATE AS last_day,
        count(*) AS created,
        count_if(marts.is_reached(is_opened, opened_at))::BIGINT AS opened,
        count_if(marts.is_reached(is_claimed, claimed_at))::BIGINT AS claimed,
        count_if(marts.is_reached(is_validated, validated_at))::BIGINT AS validated,
        count_if(marts.is_void(is_voided, voided_at))::BIGINT AS voided,
        count_if(
            marts.is_reached(is_saved_to_apple_wallet, saved_to_apple_wallet_at)
            OR marts.is_reached(is_saved_to_google_wallet, saved_to_google_wallet_at)
        )::BIGINT AS saved_to_wallet,
        count(CASE WHEN marts.is_reached(is_validated, validated_at) THEN validation_value END) AS validated_with_money,
        sum(CASE WHEN marts.is_reached(is_validated, validated_at) THEN validation_value END) AS money_spent
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL
    GROUP BY ALL
)

SELECT
    utm_source,
    utm_medium,
    utm_campaign,
    first_day,
    last_day,
    created,
    created / sum(created) OVER () AS created_share,
    opened,
    claimed,
    validated,
    voided,
    opened / created AS opened_rate,
    claimed / created AS claimed_rate,
    validated / created AS validated_rate,
    validated / nullif(claimed, 0) AS validated_of_claimed_rate,
    validated / nullif(opened, 0) AS validated_of_opened_rate,
    saved_to_wallet,
    saved_to_wallet / created AS saved_to_wallet_rate,
    validated_with_money,
    validated_with_money / nullif(validated, 0) AS money_share,
    money_spent
FROM counted;

COMMENT ON VIEW marts.channels IS 'The funnel by channel, as the UTM fields of the session name it; one row per UTM source, medium and campaign, live rows only; the row of nulls has the sessions without a channel; what a consumer saw before following the link is not in the data';
COMMENT ON COLUMN marts.channels.utm_source IS 'Source, as utm_source of the link; null where none was given';
COMMENT ON COLUMN marts.channels.utm_medium IS 'Medium, as utm_medium of the link';
COMMENT ON COLUMN marts.channels.utm_campaign IS 'Campaign, as utm_campaign of the link; not a campaign_id';
COMMENT ON COLUMN marts.channels.first_day IS 'Day of the first creation, UTC';
COMMENT ON COLUMN marts.channels.last_day IS 'Day of the last creation, UTC';
COMMENT ON COLUMN marts.channels.created IS 'Sessions created, also those without a date of creation';
COMMENT ON COLUMN marts.channels.created_share IS 'created / the sessions of all rows';
COMMENT ON COLUMN marts.channels.opened IS 'Sessions opened';
COMMENT ON COLUMN marts.channels.claimed IS 'Sessions claimed; a session can be claimed without being opened';
COMMENT ON COLUMN marts.channels.validated IS 'Sessions validated (redeemed)';
COMMENT ON COLUMN marts.channels.voided IS 'Sessions that are void now; they stay in the other counts, nothing is netted';
COMMENT ON COLUMN marts.channels.opened_rate IS 'opened / created';
COMMENT ON COLUMN marts.channels.claimed_rate IS 'claimed / created';
COMMENT ON COLUMN marts.channels.validated_rate IS 'validated / created';
COMMENT ON COLUMN marts.channels.validated_of_claimed_rate IS 'validated / claimed; null where none is claimed; above 1 where sessions are validated without a claim';
COMMENT ON COLUMN marts.channels.validated_of_opened_rate IS 'validated / opened; null where none is opened; above 1 where sessions are validated without being opened';
COMMENT ON COLUMN marts.channels.saved_to_wallet IS 'Sessions saved to the Apple or the Google wallet; the API shows no removals';
COMMENT ON COLUMN marts.channels.saved_to_wallet_rate IS 'saved_to_wallet / created';
COMMENT ON COLUMN marts.channels.validated_with_money IS 'Validated sessions with a validation value';
COMMENT ON COLUMN marts.channels.money_share IS 'validated_with_money / validated: the share of validations that money_spent covers; null where none is validated';
COMMENT ON COLUMN marts.channels.money_spent IS 'Sum of the validation values of validated sessions, void ones included, taken to be the money that consumers spent; the API names no currency; null where none has a value';
