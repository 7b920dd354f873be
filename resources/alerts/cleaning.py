"""Cleans the text of alerts: masks keys, e-mail addresses and phone numbers, and defuses chat mentions."""

import re
from collections.abc import Callable

from resources.coupontools.masking import MIN_KEY_IN_MESSAGES, make_masker
from resources.printable import make_printable
from resources.settings import ApiCredentials, PersonalData, SettingsError

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_PHONE = re.compile(r"\+[0-9][0-9 ()./-]{5,}[0-9]")
_MENTIONS = str.maketrans({"<": "(", ">": ")", "@": "(at)"})
"""Characters that chat services read as the mention of a person or a channel."""


def clean(text: str) -> str:
    """Return the text on one line, with `…` for keys, e-mail addresses and phone numbers with their country."""
    masked = _make_key_masker()(text.encode("utf-8", "backslashreplace")).decode("utf-8", "replace")
    return make_printable(_PHONE.sub("…", _ADDRESS.sub("…", masked))).translate(_MENTIONS)


def _make_key_masker() -> Callable[[bytes], bytes]:
    keys = []
    for settings, names in ((ApiCredentials, ("client_secret", "client_id")), (PersonalData, ("personal_data_key",))):
        try:
            read = settings.read()
        except SettingsError:  # no key is set, so there is none to mask
            continue
        keys += [key.get_secret_value() for name in names if (key := getattr(read, name))]
    return make_masker(keys, MIN_KEY_IN_MESSAGES)
