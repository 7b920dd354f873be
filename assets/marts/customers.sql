-- most rows are sessions, so these are grouped on their own; a filter on customer would be pushed below the grouping and
-- compute marts.identity twice, which HAVING count(customer) > 0 does not
-- place_in_time orders a customer's sessions: the second of creation, 64 bits of sequence number, 23 of the campaign's
-- rank; its minimum and maximum take much less time and memory than arg_min and arg_max by three columns
-- if ranks were materialized, a query of a few columns would compute all of them
CREATE VIEW marts.customers AS
WITH grid AS (
    FROM
        (
            VALUES
            (3, 1, 'beginner'), (3, 2, 'growing'), (3, 3, 'champion'),
            (2, 1, 'doubtful'), (2, 2, 'borderline'), (2, 3, 'loyal'),
            (1, 1, 'sleeping'), (1, 2, 'at risk'), (1, 3, 'needs attention')
        ) AS cells (recency_score, frequency_score, segment)
),

ranks AS NOT MATERIALIZED (
    SELECT campaign_id, row_number() OVER (ORDER BY campaign_id) AS campaign_rank
    FROM main.coupon_sessions
    GROUP BY campaign_id
),

campaigns AS (
    SELECT list(campaign_id ORDER BY campaign_rank) AS campaign_ids
    FROM ranks
),

sessions AS (
    SELECT
        coalesce(marts.identity(email), marts.identity(phone)) AS customer,
        epoch(created_at)::HUGEINT * (1::HUGEINT << 87)
        + ((coalesce(sequence_id, 0) + (1::HUGEINT << 63)) << 23)
        + campaign_rank AS place_in_time,
        marts.is_reached(is_validated, validated_at) AS is_validated,
        validated_at,
        validation_value
    FROM main.coupon_sessions
    INNER JOIN ranks USING (campaign_id)
    WHERE _deleted_at IS NULL AND (email IS NOT NULL OR phone IS NOT NULL)
),

of_sessions AS (
    SELECT
        customer,
        count(customer) AS sessions,
        count_if(is_validated)::BIGINT AS validated,
        max(validated_at) AS last_validated_at,
        count(CASE WHEN is_validated THEN validation_value END) AS validated_with_money,
        sum(CASE WHEN is_validated THEN validation_value END) AS money_spent,
        min(place_in_time) AS first_place,
        max(place_in_time) AS last_place
    FROM sessions
    GROUP BY customer
    HAVING count(customer) > 0
),

others AS (
    SELECT
        coalesce(marts.identity(email), marts.identity(phone)) AS customer,
        loyalty_card_id,
        points
    FROM main.loyalty_users
    WHERE _deleted_at IS NULL
    UNION ALL BY NAME
    SELECT
        coalesce(marts.identity(email), marts.identity(phone)) AS customer,
        directory_id,
        registered_at
    FROM main.directory_registrations
    WHERE _deleted_at IS NULL
),

of_others AS (
    SELECT
        customer,
        count(loyalty_card_id) AS loyalty_cards,
        sum(points) AS points,
        count(directory_id) AS directory_registrations,
        min(registered_at) AS first_seen_at,
        max(registered_at) AS last_seen_at
    FROM others
    GROUP BY customer
    HAVING count(customer) > 0
),

last_read AS (
    SELECT max(_extracted_at)::DATE AS day
    FROM main.coupon_sessions
),

people AS (
    SELECT
        * EXCLUDE (first_seen_at, last_seen_at),
        least(make_timestamp((first_place >> 87)::BIGINT * 1000000), of_others.first_seen_at) AS first_seen_at,
        greatest(make_timestamp((last_place >> 87)::BIGINT * 1000000), of_others.last_seen_at) AS last_seen_at,
        campaign_ids[(first_place & ((1 << 23) - 1))::INTEGER] AS first_campaign_id,
        campaign_ids[(last_place & ((1 << 23) - 1))::INTEGER] AS last_campaign_id,
        date_diff('day', last_validated_at::DATE, last_read.day) AS days_since_validation,
        CASE
            WHEN days_since_validation <= 30 THEN 3
            WHEN days_since_validation <= 60 THEN 2
            WHEN days_since_validation > 60 THEN 1
        END AS recency_score,
        CASE
            WHEN validated >= 8 THEN 3
            WHEN validated >= 4 THEN 2
            WHEN validated >= 1 THEN 1
        END AS frequency_score
    FROM of_sessions
    FULL JOIN of_others USING (customer)
    CROSS JOIN campaigns
    CROSS JOIN last_read
)

SELECT
    customer,
    coalesce(sessions, 0) AS sessions,
    coalesce(validated, 0) AS validated,
    coalesce(loyalty_cards, 0) AS loyalty_cards,
    coalesce(points, 0) AS points,
    coalesce(directory_registrations, 0) AS directory_registrations,
    first_seen_at,
    last_seen_at,
    first_campaign_id,
    last_campaign_id,
    last_validated_at,
    days_since_validation,
    coalesce(validated_with_money, 0) AS validated_with_money,
    money_spent,
    recency_score,
    frequency_score,
    segment
FROM people
LEFT JOIN grid USING (recency_score, frequency_score);

COMMENT ON VIEW marts.customers IS 'People across coupon sessions, loyalty cards and directories; one row per e-mail address, or per phone number for people without one, live rows only; a person with two addresses, or with an address in one place and only a number in another, is two rows, and a family that shares an address is one; where personal data is dropped, there is no row';
COMMENT ON COLUMN marts.customers.customer IS 'E-mail address in lower case, otherwise the phone number, as marts.identity writes them; a hash of it where personal data is hashed [personal data]';
COMMENT ON COLUMN marts.customers.sessions IS 'Coupon sessions';
COMMENT ON COLUMN marts.customers.validated IS 'Validated sessions, void ones included, by their flag or their date';
COMMENT ON COLUMN marts.customers.loyalty_cards IS 'Loyalty cards that the person holds, void ones included; one held twice, as two users, counts twice';
COMMENT ON COLUMN marts.customers.points IS 'Points on their loyalty cards, void ones included';
COMMENT ON COLUMN marts.customers.directory_registrations IS 'Registrations for directories';
COMMENT ON COLUMN marts.customers.first_seen_at IS 'First creation of a session, or registration for a directory, UTC; null where none has a date';
COMMENT ON COLUMN marts.customers.last_seen_at IS 'Last creation of a session, or registration for a directory, UTC, whatever happened to the session later; null where none has a date';
COMMENT ON COLUMN marts.customers.first_campaign_id IS 'Campaign of the first session created; of sessions of the same second, the one with the lowest sequence number, a missing one counted as 0; then the first campaign in the alphabet; null where no session has a date of creation';
COMMENT ON COLUMN marts.customers.last_campaign_id IS 'Campaign of the last session created; of sessions of the same second, the one with the highest sequence number, a missing one counted as 0; then the last campaign in the alphabet; null where no session has a date of creation';
COMMENT ON COLUMN marts.customers.last_validated_at IS 'Last validation, UTC; null where no validation has a date';
COMMENT ON COLUMN marts.customers.days_since_validation IS 'Days from the last validation to the last export that found a session, UTC (recency), negative for a date after it; null where no validation has a date';
COMMENT ON COLUMN marts.customers.validated_with_money IS 'Validated sessions with a validation value';
COMMENT ON COLUMN marts.customers.money_spent IS 'Sum of the validation values of validated sessions, void ones included, taken to be the money spent; the API names no currency; null where none has a value';
COMMENT ON COLUMN marts.customers.recency_score IS '3 validated within 30 days, 2 within 60, 1 longer ago; null where no validation has a date';
COMMENT ON COLUMN marts.customers.frequency_score IS '3 for 8 or more validations, 2 for 4 to 7, 1 for 1 to 3; null where nothing is validated';
COMMENT ON COLUMN marts.customers.segment IS 'By recency_score and frequency_score 1 to 3: beginner, growing, champion if validated within 30 days; doubtful, borderline, loyal within 60; sleeping, at risk, needs attention longer ago; null where no validation has a date, also because validations are not tracked';
