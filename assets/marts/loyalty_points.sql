CREATE VIEW marts.loyalty_points AS
SELECT
    loyalty_card_id,
    any_value(loyalty_cards.name) AS card_name,
    count(*) AS users,
    count(*) FILTER (is_voided IS NOT TRUE) AS users_not_void,
    count(*) FILTER (points > 0) AS users_with_points,
    coalesce(sum(points), 0) AS points,
    coalesce(sum(points) FILTER (is_voided IS NOT TRUE), 0) AS points_not_void,
    median(points) AS median_points,
    max(points) AS most_points,
    try_cast(coalesce(sum(stamps), 0) AS BIGINT) AS stamps
FROM main.loyalty_users
LEFT JOIN main.loyalty_cards USING (loyalty_card_id)
WHERE loyalty_users._deleted_at IS NULL
GROUP BY loyalty_card_id;

COMMENT ON VIEW marts.loyalty_points IS 'Points and stamps on each loyalty card now; one row per card, live rows only';
COMMENT ON COLUMN marts.loyalty_points.loyalty_card_id IS 'Loyalty card';
COMMENT ON COLUMN marts.loyalty_points.card_name IS 'Name of the card';
COMMENT ON COLUMN marts.loyalty_points.users IS 'Users of the card; one person can be several';
COMMENT ON COLUMN marts.loyalty_points.users_not_void IS 'Holders whose card is not void';
COMMENT ON COLUMN marts.loyalty_points.users_with_points IS 'Holders with points';
COMMENT ON COLUMN marts.loyalty_points.points IS 'Points of all holders';
COMMENT ON COLUMN marts.loyalty_points.points_not_void IS 'Points of holders whose card is not void';
COMMENT ON COLUMN marts.loyalty_points.median_points IS 'Median of the points of holders whose points are known';
COMMENT ON COLUMN marts.loyalty_points.most_points IS 'The most points that one holder has';
COMMENT ON COLUMN marts.loyalty_points.stamps IS 'Stamps of all holders';
