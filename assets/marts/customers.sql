-- most rows are sessions, so these are counted for themselves
CREATE VIEW marts.customers AS
WITH of_sessions AS (
    SELECT
        coalesce(marts.identity(email), marts.identity(phone)) AS customer,
        count(*) AS sessions,
        count(validated_at) AS validated,
        min(created_at) AS first_seen_at,
        max(created_at) AS last_seen_at
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL
    GROUP BY customer
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
)

SELECT
    customer,
    coalesce(sessions, 0) AS sessions,
    coalesce(validated, 0) AS validated,
    coalesce(loyalty_cards, 0) AS loyalty_cards,
    coalesce(points, 0) AS points,
    coalesce(directory_registrations, 0) AS directory_registrations,
    least(of_sessions.first_seen_at, of_others.first_seen_at) AS first_seen_at,
    greatest(of_sessions.last_seen_at, of_others.last_seen_at) AS last_seen_at
FROM of_sessions
FULL JOIN of_others USING (customer)
WHERE customer IS NOT NULL;

COMMENT ON VIEW marts.customers IS 'People across coupon sessions, loyalty cards and directories; one row per e-mail address, or per phone number of those without one, live rows only';
COMMENT ON COLUMN marts.customers.customer IS 'E-mail address in lower case, or else the phone number, as marts.identity writes them; a hash of it where personal data is hashed';
COMMENT ON COLUMN marts.customers.sessions IS 'Coupon sessions';
COMMENT ON COLUMN marts.customers.validated IS 'of these, validated';
COMMENT ON COLUMN marts.customers.loyalty_cards IS 'Loyalty cards that the person holds';
COMMENT ON COLUMN marts.customers.points IS 'Points on them';
COMMENT ON COLUMN marts.customers.directory_registrations IS 'Registrations for directories';
COMMENT ON COLUMN marts.customers.first_seen_at IS 'First session or registration, UTC';
COMMENT ON COLUMN marts.customers.last_seen_at IS 'Last session or registration, UTC';
