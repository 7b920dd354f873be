CREATE VIEW marts.abuse_candidates AS
WITH thresholds AS (
    SELECT
        5 AS max_validations_of_person,
        10 AS max_seconds_to_validate,
        5 AS min_quick_validations,
        0.5 AS max_share_of_location,
        50 AS min_validations_of_campaign,
        2 AS min_void_changes
),

validations AS (
    SELECT
        campaign_id,
        coalesce(redeem_location_id, nullif(concat_ws(', ', redeem_location_company, redeem_location_city), '')) AS location,
        coalesce(marts.identity(email), marts.identity(phone)) AS customer,
        date_diff('second', created_at, validated_at) AS seconds_to_validate,
        validated_at
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL AND marts.is_reached(is_validated, validated_at)
),

of_people AS (
    SELECT
        campaign_id,
        customer,
        count(customer) AS validations,
        min(validated_at) AS first_at,
        max(validated_at) AS last_at
    FROM validations
    GROUP BY campaign_id, customer
),

of_locations AS (
    SELECT
        campaign_id,
        location,
        count(*) AS validations,
        count(*) FILTER (seconds_to_validate BETWEEN 0 AND max_seconds_to_validate) AS quick,
        min(validated_at) AS first_at,
        max(validated_at) AS last_at,
        min(validated_at) FILTER (seconds_to_validate BETWEEN 0 AND max_seconds_to_validate) AS first_quick_at,
        max(validated_at) FILTER (seconds_to_validate BETWEEN 0 AND max_seconds_to_validate) AS last_quick_at
    FROM validations, thresholds
    GROUP BY campaign_id, location
),

of_campaigns AS (
    SELECT
        campaign_id,
        sum(validations)::BIGINT AS validations,
        count(location) AS locations
    FROM of_locations
    GROUP BY campaign_id
),

of_sessions AS (
    SELECT
        session_id,
        campaign_id,
        count(*) AS void_changes,
        min(observed_at) AS first_at,
        max(observed_at) AS last_at
    FROM main.coupon_session_changes
    INNER JOIN main.coupon_sessions USING (session_id)
    WHERE
        coupon_sessions._deleted_at IS NULL
        AND marts.is_void(is_voided_before, voided_at_before) <> marts.is_void(is_voided_after, voided_at_after)
    GROUP BY session_id, campaign_id
),

candidates AS (
    SELECT
        'many validations of one person' AS rule,
        campaign_id,
        customer,
        of_people.validations AS events,
        of_campaigns.validations AS of_events,
        first_at,
        last_at
    FROM of_people
    INNER JOIN of_campaigns USING (campaign_id)
    INNER JOIN thresholds ON of_people.validations > max_validations_of_person
    UNION ALL BY NAME
    SELECT
        'validated at once' AS rule,
        campaign_id,
        location,
        quick AS events,
        validations AS of_events,
        first_quick_at AS first_at,
        last_quick_at AS last_at
    FROM of_locations
    INNER JOIN thresholds ON quick >= min_quick_validations
    UNION ALL BY NAME
    SELECT
        'most validations at one location' AS rule,
        campaign_id,
        location,
        of_locations.validations AS events,
        of_campaigns.validations AS of_events,
        first_at,
        last_at
    FROM of_locations
    INNER JOIN of_campaigns USING (campaign_id)
    INNER JOIN thresholds
        ON
            of_campaigns.validations >= min_validations_of_campaign
            AND of_locations.validations > max_share_of_location * of_campaigns.validations
    WHERE location IS NOT NULL AND locations > 1
    UNION ALL BY NAME
    SELECT
        'voided and taken back' AS rule,
        campaign_id,
        session_id,
        void_changes AS events,
        first_at,
        last_at
    FROM of_sessions
    INNER JOIN thresholds ON void_changes >= min_void_changes
)

SELECT
    rule,
    campaign_id,
    campaigns.name AS campaign_name,
    customer,
    location,
    session_id,
    events,
    of_events,
    events / of_events AS share,
    first_at,
    last_at
FROM candidates
LEFT JOIN main.campaigns USING (campaign_id);

COMMENT ON VIEW marts.abuse_candidates IS 'Where to look for abuse: people, locations and sessions beyond the threshold of a rule, for which there can be a good reason; one row per rule and person, location or session, live rows only; a session that is claimed without being opened is allowed and not a candidate; failed attempts, and who worked at a location, are not in the data; where personal data is dropped, the rule about persons finds nobody';
COMMENT ON COLUMN marts.abuse_candidates.rule IS 'many validations of one person: more than 5 in a campaign; validated at once: 5 or more within 10 seconds of creation, of a campaign at a location; most validations at one location: more than half of a campaign with 50 or more validations and several locations; voided and taken back: a session whose void state changed twice or more, as exports observed it';
COMMENT ON COLUMN marts.abuse_candidates.campaign_id IS 'Campaign';
COMMENT ON COLUMN marts.abuse_candidates.campaign_name IS 'Name inside the account';
COMMENT ON COLUMN marts.abuse_candidates.customer IS 'Person, as marts.customers identifies them; null where the rule is not about one [personal data]';
COMMENT ON COLUMN marts.abuse_candidates.location IS 'Id of the location, or its company and city where the id is missing; null where the rule is not about one, or where validations have none';
COMMENT ON COLUMN marts.abuse_candidates.session_id IS 'Session; null where the rule is not about one';
COMMENT ON COLUMN marts.abuse_candidates.events IS 'Validations or changes that the rule counts';
COMMENT ON COLUMN marts.abuse_candidates.of_events IS 'All validations of the campaign, or of the campaign at the location for validated at once; null for voided and taken back';
COMMENT ON COLUMN marts.abuse_candidates.share IS 'events / of_events';
COMMENT ON COLUMN marts.abuse_candidates.first_at IS 'First of the events, UTC';
COMMENT ON COLUMN marts.abuse_candidates.last_at IS 'Last of the events, UTC';
