"""The places where coupons are redeemed and the channels by which consumers come to them, all made up."""

from resources.sandbox.account.session_fields import LOCATION, UTM

SHOPS = tuple(
    {"redeem_location_ID": number} | dict(zip(LOCATION, place, strict=True))
    for number, place in (
        ("301", ("Bakkerij Janssens", "Veldstraat 12", "9000", "Gent", "Oost-Vlaanderen", "Belgium",
                 "+447700900301", "https://shop.example.com")),
        ("302", ("Café de la Gare", "Rue de la Gare 3 bis", "4000", "Liège", "", "Belgium", "", "")),
        ("303", ("O'Neil & Sons", '1 "Old" Market Sq.', "D02 X285", "Dublin", "Leinster", "Ireland",
                 "+447700900303", "https://oneil.example.org/?a=1&b=2")),
        ("304", ("Łódzka Kawa", "ul. Piotrkowska 77", "90-001", "Łódź", "Łódzkie", "Poland", "", "")),
        ("305", ("東京カフェ", "丸の内1-9-1", "100-0005", "東京", "", "Japan", "", "https://cafe.example.com")),
        ("", ("Show", "street", "", "Foo", "Bar", "Baz", "", "https://www.example.com")),
    )
)  # fmt: skip
"""The last one has no id, as in the sample of the official page."""

SHOPS_OF_A_CAMPAIGN = 3

CHANNELS: tuple[dict[str, str | None], ...] = tuple(
    dict(zip(UTM, channel, strict=True))
    for channel in (
        (None, None, None, None, None),
        ("spring", "newsletter", "email", None, "button"),
        ("spring", "facebook", "social", None, "story 2"),
        ("always on", "google", "cpc", "coupon près d'ici", "ad-1"),
        (None, "poster", "qr", None, None),
    )
)
"""The first one stands for no known channel, which two sessions in five have."""
