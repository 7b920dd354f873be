# ruff: noqa: RUF001 - letters of other scripts that look like Latin ones are the point of this module
"""Names and texts of made-up campaigns and customers, in several scripts, with awkward characters."""

from typing import NamedTuple


class Locale(NamedTuple):
    """A language with first and last names, four of each."""

    language: str
    first_names: tuple[str, str, str, str]
    last_names: tuple[str, str, str, str]


LOCALES = (
    Locale("nl", ("Joost", "Marieke", "Daniël", "Chloë"), ("de Vries", "van 't Hoff", "Janssens", "Çelik")),
    Locale("fr", ("Zoé", "François", "Hélène", "Noël"), ("D'Artagnan", "Lefèvre", "Müller-Ünal", "Œuvrard")),
    Locale("en", ("Sinéad", "Bobby", 'Tim "T"', "Anne-Marie"), ("O'Neil", "Null", "Tables; --", "St. John")),
    Locale("pl", ("Łukasz", "Żaneta", "Świętopełk", "Ewa"), ("Błaszczyk", "Ćwik", "Dąbrowska", "Źdźbło")),
    Locale("ru", ("Анна", "Юрий", "Фёдор", "Щука"), ("Иванов", "Соловьёва", "Ким", "Объедкова")),
    Locale("el", ("Γιώργος", "Ελένη", "Ίρις", "Άγγελος"), ("Παπαδόπουλος", "Ωνάση", "Σταύρου", "Δήμου")),
    Locale("ar", ("محمد", "فاطمة", "يوسف", "ليلى"), ("الحسن", "عبد الله", "خوري", "منصور")),
    Locale("he", ("דוד", "שרה", "נֹעַם", "יעל"), ("כהן", "לוי", "בן־דוד", "מזרחי")),
    Locale("ja", ("花子", "太郎", "さくら", "ケン"), ("山田", "𠮷野", "髙橋", "佐藤")),
    Locale("zh", ("伟", "芳", "小明", "丽"), ("王", "李", "欧阳", "张")),
)

MAIL_NAMES = (
    "anna",
    "j.doe",
    "o'brien+coupon",
    "MAX_power",
    "info-2024",
    "x",
    "very.long.name.of.a.person",
    "99",
)

CITIES = (
    "Gent",
    "Liège",
    "São Paulo",
    "Łódź",
    "Санкт-Петербург",
    "Θεσσαλονίκη",
    "القاهرة",
    "ירושלים",
    "東京",
    "",
)

COMMENTS = (
    'said "no thanks" & left',
    "two lines:\nthe second",
    "tab\there, back\\slash, <b>tags</b>",
    "it's 100 % ok 👍🏽",
    "family 👨‍👩‍👧‍👦; piñata, Ⅷ, ﷽",
    "=1+1",
    " leading and trailing space ",
    "N/A",
)

CAMPAIGN_TEXTS = (
    ("Welcome coupon", "€ 5 off your first visit"),
    ("Zomersolden – Antwerpen", "Tot -50 % 'alles moet weg'"),
    ("Fête des mères", "Un café offert, c'est la fête !"),
    ("Spin & win", 'Play the "Wheel of Fortune" 🎡'),
    ("Весенняя акция", "Скидка 10 % для друзей"),
    ("Καλοκαίρι 2024", "Δώρο παγωτό 🍦"),
    ("رمضان كريم", "خصم ٢٠٪ على كل شيء"),
    ("חג שמח", "מתנה לכל לקוח"),
    ("夏のキャンペーン", "全品10%オフ"),
    ("双十一", "买一送一"),
    ("Żółta środa", "Pączek gratis"),
    ("Black Friday <test>", "Everything must go & more"),
    ("Newsletter\nsecond line", "A title with a \\ backslash"),
    ("🎁🎄", "🎁 for everyone"),
    ("Übergrößen-Gutschein", "Größe zählt: 15 € Rabatt"),
    ("Cupón de cumpleaños", "¡Feliz cumpleaños, señor Ñandú!"),
)
