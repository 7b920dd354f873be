CREATE VIEW marts.locations AS
WITH validations AS (
    SELECT
        redeem_location_id AS location_id,
        CASE WHEN redeem_location_id IS NULL THEN redeem_location_company END AS company_without_id,
        CASE WHEN redeem_location_id IS NULL THEN redeem_location_city END AS city_without_id,
        date_trunc('month', validated_at)::DATE AS month,
        coalesce(marts.identity(email), marts.identity(phone)) AS customer,
        redeem_location_company AS company,
        redeem_location_city AS city,
        marts.is_void(is_voided, voided_at) AS is_void,
        validation_value
    FROM main.coupon_sessions
    WHERE _deleted_at IS NULL AND marts.is_reached(is_validated, validated_at)
)

SELECT
    location_id,
    max(company) AS company,
    max(city) AS city,
    month,
    count(*) AS validations,
    count(*) FILTER (is_void) AS voided,
    count(customer) AS validations_with_person,
    count(DISTINCT customer) AS people,
    count(validation_value) AS validations_with_money,
    count(validation_value) / count(*) AS money_share,
    sum(validation_value) AS money_spent
FROM validations
GROUP BY location_id, company_without_id, city_without_id, month;

COMMENT ON VIEW marts.locations IS 'Validations at each location, as a statement for a partner; one row per location and month of validation, live rows only; a location is its id, or company and city where the id is missing, and the row without any of them has the validations without a location; scans of own codes at a till, which Coupontools does not see, are not in the data';
COMMENT ON COLUMN marts.locations.location_id IS 'Location; null where the API gives none';
COMMENT ON COLUMN marts.locations.company IS 'Its company; the last in the alphabet if the month''s validations name several';
COMMENT ON COLUMN marts.locations.city IS 'Its city; the last in the alphabet if the month''s validations name several';
COMMENT ON COLUMN marts.locations.month IS 'First day of the month of validation, UTC; null where the date is missing';
COMMENT ON COLUMN marts.locations.validations IS 'Sessions validated; several may be of one person';
COMMENT ON COLUMN marts.locations.voided IS 'Validated sessions that are void now; they stay in the other counts, nothing is netted';
COMMENT ON COLUMN marts.locations.validations_with_person IS 'Validations with an e-mail address or phone number; 0 where personal data is dropped';
COMMENT ON COLUMN marts.locations.people IS 'Different people among validations_with_person, as marts.customers distinguishes them; do not add them up over months or locations';
COMMENT ON COLUMN marts.locations.validations_with_money IS 'Validations with a validation value';
COMMENT ON COLUMN marts.locations.money_share IS 'validations_with_money / validations: the share of validations that money_spent covers';
COMMENT ON COLUMN marts.locations.money_spent IS 'Sum of the validation values, taken to be the money that consumers spent; void ones too; the API names no currency; null where none has a value';
