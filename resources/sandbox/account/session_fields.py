"""Names the fields of a session's `status`, in the order of an official page (API.md, section 5.4)."""

UTM = ("utm_campaign", "utm_source", "utm_medium", "utm_term", "utm_content")
"""They are null where every other missing value is an empty text."""

LOCATION = (
    "redeem_location_company_name", "redeem_location_street", "redeem_location_zip", "redeem_location_city",
    "redeem_location_province", "redeem_location_country", "redeem_location_phone", "redeem_location_website",
)  # fmt: skip

STATUS = (
    "created_date_utc", "opened", "open_date_utc", "played", "played_date_utc", "claimed", "claim_date_utc",
    "claimtype", "saved_to_passbook", "saved_to_passbook_date_utc", "saved_to_androidpay",
    "saved_to_androidpay_date_utc", "validated", "validation_date_utc", "own_validation_code", "validation_value",
    "redeem_location_ID", "voided", "voided_date_utc", "unvoided_date_utc", "locked", "unlocked_date_utc", "value",
    "customid", "expiration_date", *UTM, *LOCATION,
)  # fmt: skip
"""`voided_date_utc`, which that page does not print, is where clients read it (section 5.3)."""

FLAGS = (
    "opened", "played", "claimed", "saved_to_passbook", "saved_to_androidpay", "validated", "voided", "locked",
)  # fmt: skip
