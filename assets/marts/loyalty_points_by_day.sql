-- each balance is the current one minus all later changes: the balance before the first change is not known otherwise
CREATE VIEW marts.loyalty_points_by_day AS
WITH changes AS (
    SELECT
        loyalty_card_id,
        observed_at::DATE AS day,
        loyalty_user_id,
        coalesce(points_before, 0) AS points_before,
        coalesce(points_after, 0) AS points_after,
        coalesce(stamps_after, 0)::HUGEINT - coalesce(stamps_before, 0) AS stamps_change,
        is_voided_before IS TRUE AS was_void,
        is_voided_after IS TRUE AS is_void
    FROM main.loyalty_user_changes
),

movements AS (
    SELECT
        loyalty_card_id,
        day,
        count(DISTINCT loyalty_user_id) AS users_changed,
        sum(greatest(points_after - points_before, 0)) AS points_added,
        sum(greatest(points_before - points_after, 0)) AS points_taken,
        sum(greatest(stamps_change, 0)) AS stamps_added,
        sum(greatest(-stamps_change, 0)) AS stamps_taken,
        sum(greatest(points_after - points_before, 0)) FILTER (NOT was_void AND NOT is_void) AS net_earned,
        sum(greatest(points_before - points_after, 0)) FILTER (NOT was_void AND NOT is_void) AS net_spent,
        sum(points_before) FILTER (NOT was_void AND is_void) AS voided,
        sum(points_after) FILTER (was_void AND NOT is_void) AS unvoided
    FROM changes
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT loyalty_card_id, _deleted_at::DATE AS day, sum(points) AS deleted
    FROM main.loyalty_users
    WHERE _deleted_at IS NOT NULL AND is_voided IS NOT TRUE
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT
        loyalty_card_id,
        max(greatest(_extracted_at, _deleted_at))::DATE AS day,
        sum(points) FILTER (_deleted_at IS NULL AND is_voided IS NOT TRUE) AS balance
    FROM main.loyalty_users
    GROUP BY loyalty_card_id
),

days AS (
    SELECT
        loyalty_card_id,
        day,
        coalesce(sum(users_changed), 0)::BIGINT AS users_changed,
        coalesce(sum(points_added), 0) AS points_added,
        coalesce(sum(points_taken), 0) AS points_taken,
        try_cast(coalesce(sum(stamps_added), 0) AS BIGINT) AS stamps_added,
        try_cast(coalesce(sum(stamps_taken), 0) AS BIGINT) AS stamps_taken,
        coalesce(sum(net_earned), 0) AS net_earned,
        coalesce(sum(net_spent), 0) AS net_spent,
        coalesce(sum(voided), 0) AS voided,
        coalesce(sum(unvoided), 0) AS unvoided,
        coalesce(sum(deleted), 0) AS deleted,
        coalesce(sum(balance), 0) AS balance
    FROM movements
    GROUP BY ALL
),

netted AS (
    SELECT
        *,
        net_earned - net_spent - voided + unvoided - deleted AS net_change
    FROM days
)

SELECT
    loyalty_card_id,
    loyalty_cards.name AS card_name,
    day,
    sum(balance) OVER of_card - sum(net_change) OVER from_then AS opening_points,
    net_earned AS net_earned_points,
    net_spent AS net_spent_points,
    voided AS voided_points,
    unvoided AS unvoided_points,
    deleted AS deleted_points,
    sum(balance) OVER of_card - sum(net_change) OVER from_then + net_change AS closing_points,
    users_changed,
    points_added,
    points_taken,
    sum(points_added - points_taken) OVER until_then AS points_since_first_change,
    stamps_added,
    stamps_taken,
    try_cast(sum(stamps_added::HUGEINT - stamps_taken) OVER until_then AS BIGINT) AS stamps_since_first_change
FROM netted
LEFT JOIN main.loyalty_cards USING (loyalty_card_id)
WINDOW
    of_card AS (PARTITION BY loyalty_card_id),
    until_then AS (PARTITION BY loyalty_card_id ORDER BY day),
    from_then AS (PARTITION BY loyalty_card_id ORDER BY day DESC);

COMMENT ON VIEW marts.loyalty_points_by_day IS 'How the points and stamps on loyalty cards change, with the balance of points carried forward: opening + net earned - net spent - voided + unvoided - deleted = closing; one row per card and day on which an export observed a change, and one for the day of the last export while the card has people; the balance counts people who are in the account and whose card is not void, and the last closing is the current balance; the API has no ledger: gains and losses between two exports are netted';
COMMENT ON COLUMN marts.loyalty_points_by_day.loyalty_card_id IS 'Loyalty card';
COMMENT ON COLUMN marts.loyalty_points_by_day.card_name IS 'Name of the card';
COMMENT ON COLUMN marts.loyalty_points_by_day.day IS 'Day of the export that observed the changes, UTC';
COMMENT ON COLUMN marts.loyalty_points_by_day.opening_points IS 'Balance before the day, the closing of the previous row; a person counts from the first row on, with the points that the first export found, as the API does not say when they joined';
COMMENT ON COLUMN marts.loyalty_points_by_day.net_earned_points IS 'Points that people gained, each person''s own gains and losses between two exports netted; points that expired in between are netted too';
COMMENT ON COLUMN marts.loyalty_points_by_day.net_spent_points IS 'Points that people lost since the previous export, netted in the same way: spent, taken back or expired, which the API does not distinguish';
COMMENT ON COLUMN marts.loyalty_points_by_day.voided_points IS 'Points of people whose card became void';
COMMENT ON COLUMN marts.loyalty_points_by_day.unvoided_points IS 'Points of people whose card is no longer void';
COMMENT ON COLUMN marts.loyalty_points_by_day.deleted_points IS 'Points of people whom the export no longer found in the account; a person who is found again later counts as never deleted, which changes the balances of the days since';
COMMENT ON COLUMN marts.loyalty_points_by_day.closing_points IS 'Balance after the day';
COMMENT ON COLUMN marts.loyalty_points_by_day.users_changed IS 'People whose card had changed';
COMMENT ON COLUMN marts.loyalty_points_by_day.points_added IS 'Points added to cards, void ones included';
COMMENT ON COLUMN marts.loyalty_points_by_day.points_taken IS 'Points taken from cards, void ones included';
COMMENT ON COLUMN marts.loyalty_points_by_day.points_since_first_change IS 'points_added minus points_taken, from the first change to this day';
COMMENT ON COLUMN marts.loyalty_points_by_day.stamps_added IS 'Stamps added to cards';
COMMENT ON COLUMN marts.loyalty_points_by_day.stamps_taken IS 'Stamps taken from cards';
COMMENT ON COLUMN marts.loyalty_points_by_day.stamps_since_first_change IS 'stamps_added minus stamps_taken, from the first change to this day';
