CREATE VIEW marts.session_events AS
SELECT session_id, campaign_id, 'created' AS event, created_at AS happened_at
FROM main.coupon_sessions
WHERE _deleted_at IS NULL AND created_at IS NOT NULL
UNION ALL
SELECT session_id, campaign_id, 'opened' AS event, opened_at AS happened_at
FROM main.coupon_sessions
WHERE _deleted_at IS NULL AND opened_at IS NOT NULL
UNION ALL
SELECT session_id, campaign_id, 'played' AS event, played_at AS happened_at
FROM main.coupon_sessions
WHERE _deleted_at IS NULL AND played_at IS NOT NULL
UNION ALL
SELECT session_id, campaign_id, 'claimed' AS event, claimed_at AS happened_at
FROM main.coupon_sessions
WHERE _deleted_at IS NULL AND claimed_at IS NOT NULL
UNION ALL
SELECT session_id, campaign_id, 'saved to Apple wallet' AS event, saved_to_apple_wallet_at AS happened_at
FROM main.coupon_sessions
WHERE _deleted_at IS NULL AND saved_to_apple_wallet_at IS NOT NULL
UNION ALL
SELECT session_id, campaign_id, 'saved to Google wallet' AS event, saved_to_google_wallet_at AS happened_at
FROM main.coupon_sessions
WHERE _deleted_at IS NULL AND saved_to_google_wallet_at IS NOT NULL
UNION ALL
SELECT session_id, campaign_id, 'validated' AS event, validated_at AS happened_at
FROM main.coupon_sessions
WHERE _deleted_at IS NULL AND validated_at IS NOT NULL
UNION ALL
SELECT session_id, campaign_id, 'voided' AS event, voided_at AS happened_at
FROM main.coupon_sessions
WHERE _deleted_at IS NULL AND voided_at IS NOT NULL
UNION ALL
SELECT session_id, campaign_id, 'unvoided' AS event, unvoided_at AS happened_at
FROM main.coupon_sessions
WHERE _deleted_at IS NULL AND unvoided_at IS NOT NULL
UNION ALL
SELECT session_id, campaign_id, 'unlocked' AS event, unlocked_at AS happened_at
FROM main.coupon_sessions
WHERE _deleted_at IS NULL AND unlocked_at IS NOT NULL;

COMMENT ON VIEW marts.session_events IS 'The steps of sessions as events; one row per session and step that has a date, live rows only; if a step happened more than once, the API gives one date; changes between exports are in coupon_session_changes';
COMMENT ON COLUMN marts.session_events.session_id IS 'Session';
COMMENT ON COLUMN marts.session_events.campaign_id IS 'Campaign';
COMMENT ON COLUMN marts.session_events.event IS 'created, opened, played, claimed, saved to Apple wallet, saved to Google wallet, validated, voided, unvoided or unlocked; a date of unvoided does not prove that it was void before';
COMMENT ON COLUMN marts.session_events.happened_at IS 'When, UTC';
