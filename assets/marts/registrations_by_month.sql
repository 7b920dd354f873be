CREATE VIEW marts.registrations_by_month AS
SELECT
    directory_id,
    any_value(directories.name) AS directory_name,
    date_trunc('month', registered_at)::DATE AS month,
    any_value(directories.payment_type) AS payment_type,
    any_value(directories.payment_currency) AS currency,
    count(*) AS registrations,
    count(*) FILTER (lower(payment_status) = 'paid') AS paid,
    count(*) FILTER (lower(payment_status) = 'paid') / count(*) AS paid_rate,
    CASE WHEN paid = 0 THEN 0 ELSE sum(directories.payment_amount) FILTER (lower(payment_status) = 'paid') END AS revenue,
    count(*) FILTER (is_blocked) AS blocked
FROM main.directory_registrations
LEFT JOIN main.directories USING (directory_id)
WHERE directory_registrations._deleted_at IS NULL
GROUP BY directory_id, month;

COMMENT ON VIEW marts.registrations_by_month IS 'Registrations for directories, and the revenue from them; one row per directory and month of registration, live rows only';
COMMENT ON COLUMN marts.registrations_by_month.directory_id IS 'Directory';
COMMENT ON COLUMN marts.registrations_by_month.directory_name IS 'Name of the directory';
COMMENT ON COLUMN marts.registrations_by_month.month IS 'First day of the month of registration, UTC; null where the date is missing';
COMMENT ON COLUMN marts.registrations_by_month.payment_type IS 'basic, recurring_daily, recurring_weekly, recurring_monthly or recurring_yearly; null if it is free, or if the API does not say';
COMMENT ON COLUMN marts.registrations_by_month.currency IS 'Currency of the revenue';
COMMENT ON COLUMN marts.registrations_by_month.registrations IS 'People who registered';
COMMENT ON COLUMN marts.registrations_by_month.paid IS 'Registrations whose payment status is paid';
COMMENT ON COLUMN marts.registrations_by_month.paid_rate IS 'paid / registrations';
COMMENT ON COLUMN marts.registrations_by_month.revenue IS 'paid times the current price of the directory: one payment each, without the later ones of a recurring price; null where some have paid and the price is not known';
COMMENT ON COLUMN marts.registrations_by_month.blocked IS 'People who registered and are blocked';
