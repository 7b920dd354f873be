CREATE VIEW marts.interactions_by_month AS
WITH sessions AS (
    SELECT
        campaign_id,
        date_trunc('month', coalesce(opened_at, least(played_at, claimed_at, validated_at)))::DATE AS month,
        count(opened_at) AS opened_sessions,
        count(*) - count(opened_at) AS sessions_used_unopened
    FROM main.coupon_sessions
    WHERE
        _deleted_at IS NULL
        AND (opened_at IS NOT NULL OR played_at IS NOT NULL OR claimed_at IS NOT NULL OR validated_at IS NOT NULL)
    GROUP BY ALL
),

receivers AS (
    SELECT DISTINCT
        date_trunc('month', observed_at)::DATE AS month,
        loyalty_card_id,
        loyalty_user_id
    FROM main.loyalty_user_changes
    WHERE points_after > coalesce(points_before, 0) OR stamps_after > coalesce(stamps_before, 0)
),

loyalty AS (
    SELECT month, count(*) AS loyalty_users
    FROM receivers
    GROUP BY month
),

parts AS (
    SELECT
        month,
        CASE
            WHEN json_type(campaigns._extra, '$.subaccount') IN ('VARCHAR', 'UBIGINT')
                THEN nullif(trim(json_extract_string(campaigns._extra, '$.subaccount')), '')
        END AS subaccount,
        opened_sessions,
        sessions_used_unopened
    FROM sessions
    LEFT JOIN main.campaigns USING (campaign_id)
    UNION ALL BY NAME
    SELECT month, loyalty_users
    FROM loyalty
),

counted AS (
    SELECT
        month,
        subaccount,
        coalesce(sum(opened_sessions), 0)::BIGINT AS opened_sessions,
        coalesce(sum(sessions_used_unopened), 0)::BIGINT AS sessions_used_unopened,
        coalesce(sum(loyalty_users), 0)::BIGINT AS loyalty_users
    FROM parts
    GROUP BY ALL
)

SELECT
    month,
    subaccount,
    opened_sessions,
    sessions_used_unopened,
    loyalty_users,
    opened_sessions + sessions_used_unopened + loyalty_users AS estimated_interactions
FROM counted;

COMMENT ON VIEW marts.interactions_by_month IS 'User interactions that Coupontools may bill, an estimate by the rule of its help pages: a session counts once, in the month of its first opening, whatever steps follow, and a loyalty user counts in each month in which points or stamps were received; one row per month and subaccount, of live sessions, and of loyalty users also once they are deleted; deleted sessions, which were billed, opened ones without any date, and what happened between two exports are not in it';
COMMENT ON COLUMN marts.interactions_by_month.month IS 'First day of the month, UTC; the month of billing may be in another zone';
COMMENT ON COLUMN marts.interactions_by_month.subaccount IS 'Subaccount of the campaign, where the API''s list of campaigns names it by a text or number, an undocumented field; null for the others and for loyalty users; a hash where personal data is hashed, and null where it is dropped, as for every undocumented field; the master account is billed for all';
COMMENT ON COLUMN marts.interactions_by_month.opened_sessions IS 'Sessions first opened in the month';
COMMENT ON COLUMN marts.interactions_by_month.sessions_used_unopened IS 'Sessions with no date of opening that were first played, claimed or validated in the month, for instance by the API; whether these are billed is not documented';
COMMENT ON COLUMN marts.interactions_by_month.loyalty_users IS 'Loyalty users whose points or stamps an export of the month found higher than the export before; users who are new in an export are not counted, as their earlier balance is not known';
COMMENT ON COLUMN marts.interactions_by_month.estimated_interactions IS 'opened_sessions + sessions_used_unopened + loyalty_users: only an estimate, the invoice is what counts';
