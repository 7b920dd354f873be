CREATE VIEW marts.customers AS
WITH seen AS (
    SELECT email, phone, created_at AS seen_at, 1 AS sessions, (validated_at IS NOT NULL)::INTEGER AS validated
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL
    UNION ALL BY NAME
    SELECT email, phone, 1 AS loyalty_cards, points
    FROM main.loyalty_users
    WHERE _deleted_at IS NULL
    UNION ALL BY NAME
    SELECT email, phone, registered_at AS seen_at, 1 AS directory_registrations
    FROM main.directory_registrations
    WHERE _deleted_at IS NULL
)
SELECT
    coalesce(nullif(lower(trim(email)), ''), phone) AS customer,
    coalesce(sum(sessions), 0)::BIGINT AS sessions,
    coalesce(sum(validated), 0)::BIGINT AS validated,
    coalesce(sum(loyalty_cards), 0)::BIGINT AS loyalty_cards,
    coalesce(sum(points), 0) AS points,
    coalesce(sum(directory_registrations), 0)::BIGINT AS directory_registrations,
    min(seen_at) AS first_seen_at,
    max(seen_at) AS last_seen_at
FROM seen
WHERE customer IS NOT NULL
GROUP BY customer;

COMMENT ON VIEW marts.customers IS 'People across coupon sessions, loyalty cards and directories; one row per e-mail address, or per phone number of those without one, live rows only';
COMMENT ON COLUMN marts.customers.customer IS 'E-mail address in lower case, or else the phone number; a hash of it where personal data is hashed';
COMMENT ON COLUMN marts.customers.sessions IS 'Coupon sessions';
COMMENT ON COLUMN marts.customers.validated IS 'of these, validated';
COMMENT ON COLUMN marts.customers.loyalty_cards IS 'Loyalty cards that the person holds';
COMMENT ON COLUMN marts.customers.points IS 'Points on them';
COMMENT ON COLUMN marts.customers.directory_registrations IS 'Registrations for directories';
COMMENT ON COLUMN marts.customers.first_seen_at IS 'First session or registration, UTC';
COMMENT ON COLUMN marts.customers.last_seen_at IS 'Last session or registration, UTC';
