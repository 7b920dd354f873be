"""Opening answers of any shape."""

import pytest

from resources.coupontools.envelope import Answer, Failure, ShapeError, opened

OK = '"status":{"status":"OK"}'


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (f'{{{OK},"data":[{{"a":1}}]}}', b'[{"a":1}]'),
        (f'{{"data":[{{"a":1}}],{OK}}}', b'[{"a":1}]'),
        (f'{{{OK},"sessions":[{{"a":1}}],"notes":["x"]}}', b'[{"a":1}]'),
        (f'{{{OK},"data":{{"a":1}}}}', b'[{"a":1}]'),
        (f'{{{OK},"data":{{}}}}', b"[]"),
        (f'{{{OK},"data":null}}', b"[]"),
        (f'{{{OK},"amount_of_results":"0"}}', b"[]"),
        (f"{{{OK}}}", b"[]"),
        ('{"status":{"status":"ok"},"data":[]}', b"[]"),
        (f'{{{OK},"data":[{{"a":"\\ud800"}},{{"b":1}}],"amount_of_results":2}}', b'[{"a":"\\ud800"},{"b":1}]'),
    ],
)
def test_the_record_list_is_found(body: str, records: bytes) -> None:
    answer = opened(body.encode(), "data")
    assert isinstance(answer, Answer)
    assert answer.records == records


@pytest.mark.parametrize(
    ("amount", "meant"), [("12", 12), ('"12"', 12), ('""', None), ("null", None), ("true", None), ("-1", None)]
)
def test_the_amount_is_read_from_text_or_number(amount: str, meant: int | None) -> None:
    answer = opened(f'{{{OK},"amount_of_results":{amount},"data":[]}}'.encode(), "data")
    assert isinstance(answer, Answer)
    assert answer.amount == meant


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "an empty body"),
        ("<html>", "no JSON, or cut off"),
        ('{"status":{"status":"OK"},"data":[{', "no JSON, or cut off"),
        ("[]", "JSON, but no object"),
        ("5", "JSON, but no object"),
        ('{"data":[],"secret":"hush"}', r"an object without status.status, but with data \(list\), secret \(text\)"),
        ('{"status":"OK"}', "an object without status.status"),
        (f'{{{OK},"data":5}}', "an object whose data is neither a list nor an object"),
        (f'{{{OK},"rows":5}}', r"an object without the list data, but with status \(object\), rows \(number\)"),
    ],
)
def test_what_is_no_answer_is_described_without_its_values(body: str, told: str) -> None:
    with pytest.raises(ShapeError, match=told) as error:
        opened(body.encode(), "data")
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(
    ("errors", "failure"),
    [
        (
            '"status":{"status":"failed","errors":{"error_code":1000,"error_message":"No."}}',
            Failure(frozenset({1000}), "No."),
        ),
        (
            '"status":{"status":"failed","errors":{"error_message":"x","error_message_description":["A.","B."],'
            '"error_code":[301,"303"]}}',
            Failure(frozenset({301, 303}), "A. B."),
        ),
        ('"status":{"status":"failed"},"errors":{"error_code":[505]}', Failure(frozenset({505}), "no reason given")),
        ('"status":{"status":"FAILED"}', Failure(frozenset(), "no reason given")),
    ],
)
def test_every_error_shape_is_understood(errors: str, failure: Failure) -> None:
    assert opened(f"{{{errors}}}".encode(), "data") == failure
