CREATE VIEW marts.weekly_cohorts AS
WITH live AS (
    SELECT date_trunc('week', created_at)::DATE AS week, opened_at, claimed_at, validated_at
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL AND created_at IS NOT NULL
),

cohorts AS (
    SELECT week, count(*) AS created
    FROM live
    GROUP BY week
),

steps AS (
    SELECT week, 0 AS weeks_after, 0 AS opened
    FROM cohorts
    UNION ALL BY NAME
    SELECT week, date_diff('week', week, opened_at) AS weeks_after, count(*) AS opened
    FROM live
    WHERE opened_at >= week
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT week, date_diff('week', week, claimed_at) AS weeks_after, count(*) AS claimed
    FROM live
    WHERE claimed_at >= week
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT week, date_diff('week', week, validated_at) AS weeks_after, count(*) AS validated
    FROM live
    WHERE validated_at >= week
    GROUP BY ALL
),

counted AS (
    SELECT
        week,
        weeks_after,
        coalesce(sum(opened), 0)::BIGINT AS opened,
        coalesce(sum(claimed), 0)::BIGINT AS claimed,
        coalesce(sum(validated), 0)::BIGINT AS validated
    FROM steps
    GROUP BY ALL
)

SELECT
    week,
    weeks_after,
    created,
    opened,
    claimed,
    validated,
    (sum(validated) OVER so_far)::BIGINT AS validated_so_far,
    sum(validated) OVER so_far / created AS validated_rate_so_far
FROM counted
INNER JOIN cohorts USING (week)
WINDOW so_far AS (PARTITION BY week ORDER BY weeks_after);

COMMENT ON VIEW marts.weekly_cohorts IS 'How far the sessions created in each week have come, week by week; one row per week of creation and number of weeks since in which something happened, and always one for week 0, live rows only; steps dated before the week of creation are left out';
COMMENT ON COLUMN marts.weekly_cohorts.week IS 'Monday of the week of creation, UTC';
COMMENT ON COLUMN marts.weekly_cohorts.weeks_after IS 'Weeks since the week of creation; 0 is that week itself';
COMMENT ON COLUMN marts.weekly_cohorts.created IS 'Sessions created in the week';
COMMENT ON COLUMN marts.weekly_cohorts.opened IS 'Sessions of the cohort first opened in that week';
COMMENT ON COLUMN marts.weekly_cohorts.claimed IS 'Sessions of the cohort claimed in that week';
COMMENT ON COLUMN marts.weekly_cohorts.validated IS 'Sessions of the cohort validated in that week';
COMMENT ON COLUMN marts.weekly_cohorts.validated_so_far IS 'Sessions of the cohort validated up to the end of that week';
COMMENT ON COLUMN marts.weekly_cohorts.validated_rate_so_far IS 'validated_so_far / created';
