"""Faults that the sandbox injects into its answers, to test how a client handles them."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from fnmatch import fnmatch
from gzip import compress
from time import time
from typing import Literal, cast, get_args

import msgspec

from resources.sandbox.assumptions import Assumptions
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_error, reply_with_html

Kind = Literal[
    "429", "404", "408", "500", "502", "503", "504", "reset", "reset_in_body", "short_body", "cut_chunks", "stall",
    "drip", "truncated", "truncated_after_record", "cut_gzip", "broken_gzip", "empty", "wrong_shape", "content_type",
    "failed", "revoked", "html",
]  # fmt: skip
"""What goes wrong:

- `429`: too many requests, with Retry-After as seconds or HTTP date; `404` `408` `500` `502` `503` `504`: HTML body
- `reset`: the connection is reset before the answer; `reset_in_body`: after half of the body
- `short_body`: an orderly end of the connection after half of the promised body; `cut_chunks`: the same of a body
  that comes in chunks, without the last one
- `stall`: the right answer, after some seconds; `drip`: the right answer at once, its body little by little
- `truncated`: a complete HTTP answer whose JSON is cut in the middle; `truncated_after_record`: right after a
  record's closing brace; `empty`: no body
- `cut_gzip`: a complete HTTP answer of which gzip's end is missing; `broken_gzip`: with a wrong checksum
- `wrong_shape`: valid JSON that is no envelope; `content_type`: the right JSON as text/html
- `html`: an HTML page with HTTP 200
- `failed`: HTTP 200 with status "failed"; `revoked`: the keys stop working, for this and all later requests
"""

ERROR_TITLES = {
    "404": "Not Found",
    "408": "Request Timeout",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
}


@dataclass(frozen=True)
class Fault:
    """One rule: which requests it hits, and what happens to them."""

    kind: Kind
    path: str = "*"
    """Pattern of paths, such as `v3/campaign/*`."""
    when: Callable[[Mapping[str, object]], bool] | None = None
    """Further condition on the decoded parameters, such as campaign and page."""
    skip: int = 0
    """Matching requests that are let through first."""
    times: int | None = 1
    """Requests that are hit at most; None = no end."""
    probability: float = 1.0
    """Chance of a matching request being hit; drawn from the seed and the request, not from arrival order."""
    retry_after: int | str | None = 0
    """Retry-After of a 429, and of a 503 unless it is 0: seconds, or a text as it is; None = no such header."""
    as_http_date: bool = False
    """Whether the seconds of Retry-After are written as an HTTP date."""
    seconds: float = 1.0
    """Length of a stall, or of a drip."""
    error_code: int = 300
    """Application code of `failed`."""


class Faults:
    """The rules of a server; thread safe. The first rule that hits a request decides."""

    def __init__(self, rules: Iterable[Fault] = (), seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._seed = seed
        self._rules = list(rules)
        self._seen: Counter[int] = Counter()
        self._hits: Counter[int] = Counter()
        self._attempts: Counter[tuple[int, bytes]] = Counter()
        self._revoked = False

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> "Faults":
        """Return the rules of a text such as `429:0.05,reset:0.02` (kind:probability, without end).

        Raises ValueError with the rule that is wrong.
        """
        rules = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            kind, _, probability = part.partition(":")
            if kind not in get_args(Kind):
                raise ValueError(f"unknown fault {kind!r} in {part!r}; known are {', '.join(get_args(Kind))}")
            try:
                chance = float(probability)
            except ValueError:
                chance = -1.0
            if not 0 <= chance <= 1:
                raise ValueError(f"fault {part!r} needs a probability between 0 and 1, such as {kind}:0.05")
            rules.append(Fault(cast("Kind", kind), times=None, probability=chance))
        return cls(rules, seed)

    @property
    def revoked(self) -> bool:
        """Whether the keys have been revoked."""
        with self._lock:
            return self._revoked

    @property
    def hits(self) -> Counter[Kind]:
        """How many requests each kind has hit so far."""
        with self._lock:
            hits: Counter[Kind] = Counter()
            for number, count in self._hits.items():
                hits[self._rules[number].kind] += count
            return hits

    def add(self, *rules: Fault) -> None:
        """Append rules."""
        with self._lock:
            self._rules.extend(rules)

    def clear(self) -> None:
        """Drop all rules and their counts; the keys work again."""
        with self._lock:
            self._rules.clear()
            self._seen.clear()
            self._hits.clear()
            self._attempts.clear()
            self._revoked = False

    def pick(self, path: str, parameters: Mapping[str, object]) -> Fault | None:
        """Return the rule that hits this request, if any, and count it."""
        with self._lock:
            for number, rule in enumerate(self._rules):
                if self._hit(number, rule, path, parameters):
                    self._revoked |= rule.kind == "revoked"
                    return rule
        return None

    def _hit(self, number: int, rule: Fault, path: str, parameters: Mapping[str, object]) -> bool:
        if not fnmatch(path, rule.path) or (rule.when is not None and not rule.when(parameters)):
            return False
        self._seen[number] += 1
        if self._seen[number] <= rule.skip or (rule.times is not None and self._hits[number] >= rule.times):
            return False
        if rule.probability < 1 and self._draw(number, path, parameters) >= rule.probability:
            return False
        self._hits[number] += 1
        return True

    def _draw(self, number: int, path: str, parameters: Mapping[str, object]) -> float:
        """Return a number in [0, 1) of the seed, the rule, the request, and how often it was sent before."""
        request = path.encode() + msgspec.json.encode(parameters, order="deterministic")
        self._attempts[number, request] += 1
        text = b"%d/%d/%d/%s" % (self._seed, number, self._attempts[number, request], request)
        return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big") / 2**56


def replace_answer(fault: Fault, assumptions: Assumptions) -> Reply | None:
    """Return the answer that a fault gives in place of the endpoint's, or None if it gives none."""
    if fault.kind in ERROR_TITLES:
        return reply_with_html(int(fault.kind), ERROR_TITLES[fault.kind], _make_retry_after(fault))
    match fault.kind:
        case "empty":
            return Reply(b"")
        case "wrong_shape":
            return Reply(b'["neither","an","envelope"]')
        case "html":
            return reply_with_html(200, "Scheduled maintenance")
        case "failed":
            error = ApiError(fault.error_code, "Something is wrong with this request")
            return replace(reply_with_error(error, assumptions), status=200)
        case _:
            return None


def _make_retry_after(fault: Fault) -> Mapping[str, str]:
    wait = fault.retry_after
    if wait is None or not (fault.kind == "429" or (fault.kind == "503" and wait)):
        return {}
    as_date = isinstance(wait, int) and fault.as_http_date
    return {"retry-after": formatdate(time() + int(wait), usegmt=True) if as_date else str(wait)}


def spoil_answer(fault: Fault, reply: Reply) -> Reply:
    """Return the endpoint's answer as the fault damages it; unchanged if the fault does not damage answers."""
    match fault.kind:
        case "truncated":
            return replace(reply, body=reply.body[: len(reply.body) * 2 // 3])
        case "truncated_after_record":
            cut = reply.body.rfind(b"},{" if b"},{" in reply.body else b"}]}")
            return replace(reply, body=reply.body[: cut + 1] if cut >= 0 else reply.body[:-1])
        case "cut_gzip" | "broken_gzip":
            packed = compress(reply.body)
            # the last eight bytes are checksum and length
            body = packed[: len(packed) * 2 // 3] if fault.kind == "cut_gzip" else packed[:-8] + bytes(8)
            return replace(reply, body=body, headers={**reply.headers, "content-encoding": "gzip"})
        case "content_type":
            return replace(reply, content_type="text/html; charset=UTF-8")
        case _:
            return reply
