CREATE VIEW marts.loyalty_points_by_day AS
WITH days AS (
    SELECT
        loyalty_card_id,
        observed_at::DATE AS day,
        count(DISTINCT loyalty_user_id) AS users_changed,
        coalesce(sum(greatest(points_after - points_before, 0)), 0) AS points_added,
        coalesce(sum(greatest(points_before - points_after, 0)), 0) AS points_taken,
        coalesce(sum(greatest(stamps_after - stamps_before, 0)), 0)::BIGINT AS stamps_added,
        coalesce(sum(greatest(stamps_before - stamps_after, 0)), 0)::BIGINT AS stamps_taken
    FROM main.loyalty_user_changes
    GROUP BY ALL
)

SELECT
    loyalty_card_id,
    loyalty_cards.name AS card_name,
    day,
    users_changed,
    points_added,
    points_taken,
    sum(points_added - points_taken) OVER until_then AS points_since_first_change,
    stamps_added,
    stamps_taken,
    (sum(stamps_added - stamps_taken) OVER until_then)::BIGINT AS stamps_since_first_change
FROM days
LEFT JOIN main.loyalty_cards USING (loyalty_card_id)
WINDOW until_then AS (PARTITION BY loyalty_card_id ORDER BY day);

COMMENT ON VIEW marts.loyalty_points_by_day IS 'How the points and stamps on loyalty cards change; one row per card and day on which an export found a change';
COMMENT ON COLUMN marts.loyalty_points_by_day.loyalty_card_id IS 'Loyalty card';
COMMENT ON COLUMN marts.loyalty_points_by_day.card_name IS 'Its name';
COMMENT ON COLUMN marts.loyalty_points_by_day.day IS 'Day of the export that found the changes, UTC';
COMMENT ON COLUMN marts.loyalty_points_by_day.users_changed IS 'People whose card had changed';
COMMENT ON COLUMN marts.loyalty_points_by_day.points_added IS 'Points that came to their cards';
COMMENT ON COLUMN marts.loyalty_points_by_day.points_taken IS 'Points that went from their cards';
COMMENT ON COLUMN marts.loyalty_points_by_day.points_since_first_change IS 'Points added less points taken, from the first change to this day';
COMMENT ON COLUMN marts.loyalty_points_by_day.stamps_added IS 'Stamps that came to their cards';
COMMENT ON COLUMN marts.loyalty_points_by_day.stamps_taken IS 'Stamps that went from their cards';
COMMENT ON COLUMN marts.loyalty_points_by_day.stamps_since_first_change IS 'Stamps added less stamps taken, from the first change to this day';
