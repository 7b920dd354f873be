"""Opening answers of any shape."""

import json

import pytest

from assets.normalise.json_records import split_records
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.envelope import NO_RECORDS, Answer, Failure, parse_answer, parse_envelope
from resources.coupontools.errors import ShapeError
from resources.coupontools.json_shape import describe_shape

SESSIONS = choose_endpoints("")["sessions"]
CARDS = choose_endpoints("")["loyalty_cards"]
OK = '"status":{"status":"OK"}'


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (f'{{{OK},"data":[{{"a":1}}]}}', b'[{"a":1}]'),
        (f'{{"data":[{{"a":1}}],{OK}}}', b'[{"a":1}]'),
        (f'{{{OK},"sessions":[{{"a":1}}],"notes":["x"]}}', b'[{"a":1}]'),
        (f'{{{OK},"data":{{"a":1}}}}', b'[{"a":1}]'),
        (f'{{{OK},"data":{{}}}}', b"[]"),
        (f'{{{OK},"data":{{"0":{{"a":1}},"2":{{"b":2}}}}}}', b'[{"a":1},{"b":2}]'),
        (f'{{{OK},"data":{{ "7" : {{"a":"\\ud800"}} }}}}', b'[{"a":"\\ud800"}]'),
        (f'{{{OK},"data":{{"0":{{"a":1}},"b":{{}}}}}}', b'[{"0":{"a":1},"b":{}}]'),
        (f'{{{OK},"data":null}}', b"[]"),
        (f'{{{OK},"amount_of_results":"0"}}', b"[]"),
        (f"{{{OK}}}", b"[]"),
        ('{"status":{"status":"ok"},"data":[]}', b"[]"),
        (f'{{{OK},"data":[{{"a":"\\ud800"}},{{"b":1}}],"amount_of_results":2}}', b'[{"a":"\\ud800"},{"b":1}]'),
    ],
)
def test_the_record_list_is_found(body: str, records: bytes) -> None:
    answer = parse_envelope(body.encode(), SESSIONS)
    assert isinstance(answer, Answer)
    assert answer.records == records


@pytest.mark.parametrize(
    ("amount", "meant"),
    [
        ("12", 12),
        ('"12"', 12),
        ('""', None),
        ("null", None),
        ("true", None),
        ("-1", None),
        ("9" * 400, None),
        ("9" * 5_000, None),
        (f'"{"9" * 5_000}"', None),
    ],
)
def test_the_amount_is_read_from_text_or_number(amount: str, meant: int | None) -> None:
    answer = parse_envelope(f'{{{OK},"amount_of_results":{amount},"data":[]}}'.encode(), SESSIONS)
    assert isinstance(answer, Answer)
    assert answer.announced == meant


@pytest.mark.parametrize(
    ("counts", "meant"),
    [
        ('"amount_of_results":2,"amount_of_pages":7', 2),
        ('"amount_of_results":2,"pagination":{"total":9}', 9),
        ('"pagination":{"total":9},"amount_of_results":2', 9),
        ('"total":9,"meta":{"total":4,"amount_of_pages":3}', 9),
        ('"amount_of_results":"many","amount_of_sessions":3', 3),
    ],
)
def test_of_several_amounts_a_total_counts_or_else_the_first(counts: str, meant: int) -> None:
    answer = parse_envelope(f'{{{OK},{counts},"data":[]}}'.encode(), SESSIONS)
    assert isinstance(answer, Answer)
    assert answer.announced == meant


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        '{"status":{"status":"OK"},"data":[{',
        "[]",
        "5",
        '{"data":[]}',
        '{"status":"OK"}',
        f'{{{OK},"data":5}}',
        f'{{{OK},"rows":5}}',
        f'{{{OK},"rows":{{"a":1}}}}',
        f'{{{OK},"rows":[{{"a":1}}],"others":[{{"a":1}}]}}',
        f'{{{OK},"data":[{{"a":1}}],"data":[{{"a":2}}]}}',
        f'{{{OK},"data":[{{"a":1}}],"d\\u0061ta":[]}}',
        f'{{{OK},"amount_of_results":2,"amount_of_results":1,"data":[]}}',
        f'{{"status":{{"status":"failed"}},{OK},"data":[]}}',
        f'{{{OK},"data":{"[" * 100_000}',
    ],
)
def test_what_is_no_answer_is_refused(body: str) -> None:
    with pytest.raises(ShapeError):
        parse_envelope(body.encode(), SESSIONS)


@pytest.mark.parametrize(
    ("body", "records", "place"),
    [
        (f'{{{OK},"cards":[{{"a":1}}]}}', b'[{"a":1}]', "cards"),
        (f'{{{OK},"cards":[]}}', b"[]", "cards"),
        (f'{{{OK},"cards":{{}}}}', b"[]", ""),
        (f'{{{OK},"card":{{"ID":"1"}}}}', b'[{"ID":"1"}]', "card"),
        (f'{{{OK},"amount_of_groups":0}}', b"[]", ""),
        (f'{{{OK},"cards":[ ],"meta":{{"page":1}},"total":0}}', b"[]", "cards"),
        (f'\ufeff{{{OK},"cards":[{{"a":1}}]}}', b'[{"a":1}]', "cards"),
        (f'{{{OK},"cards":[{{"a":1}}],"empty":[],"amount":1}}', b'[{"a":1}]', "cards"),
        ('[{"id":1},{"id":2}]', b'[{"id":1},{"id":2}]', ""),
        ("[]", b"[]", ""),
        (' \n[{"id":1}] ', b'[{"id":1}]', ""),
        ('{"0":{"id":1},"2":{"id":2}}', b'[{"id":1},{"id":2}]', ""),
        (f'{{{OK},"cards":{{"1":{{"a":1}}}}}}', b'[{"a":1}]', "cards"),
        ('{"data":[{"id":1}],"meta":{"page":1}}', b'[{"id":1}]', "data"),
        ('{"id":1,"status":"trial","list":["a"]}', b'[{"id":1,"status":"trial","list":["a"]}]', ""),
        ('{"id":1,"name":"a","name":"b"}', b'[{"id":1,"name":"a","name":"b"}]', ""),
        (f'{{{OK},{OK},"cards":[{{"a":1}}]}}', b'[{"a":1}]', "cards"),
    ],
)
def test_the_records_are_found_where_nothing_says_where(body: str, records: bytes, place: str) -> None:
    answer = parse_envelope(body.encode(), CARDS)
    assert isinstance(answer, Answer)
    assert (answer.records, answer.records_key) == (records, place)


@pytest.mark.parametrize(
    "beside",
    [
        "",
        '"account":{"ID":"acc_1","name":"x"},',
        '"errors":[],"warnings":{},"note":"none yet",',
        '"hints":["make one"],"links":[{"rel":"self"}],',
        '"packages":[{"ID":"pac_1"}],"prices":[{"ID":"pri_1"}],',
    ],
)
@pytest.mark.parametrize("nothing", ["[]", "[ ]", "{}"])
@pytest.mark.parametrize("zero", ["0", '"0"'])
def test_a_count_of_zero_beside_an_empty_list_is_an_empty_answer(zero: str, nothing: str, beside: str) -> None:
    for body in (
        f'{{{OK},"amount_of_groups":{zero},{beside}"group":{nothing}}}',
        f'{{{OK},{beside}"group":{nothing},"amount_of_groups":{zero}}}',
    ):
        for endpoint in (CARDS, choose_endpoints("")["email_groups"], choose_endpoints("")["sms_groups"]):
            answer = parse_envelope(body.encode(), endpoint)
            assert isinstance(answer, Answer)
            assert (answer.records, answer.announced, answer.records_key) == (NO_RECORDS, 0, "group") or (
                endpoint.records and answer.records.replace(b" ", b"") == NO_RECORDS
            )


@pytest.mark.parametrize(
    "count", ['"amount_of_results":130', '"amount_of_results":"130"', '"pagination":{"total":130}']
)
@pytest.mark.parametrize("nothing", ["", ',"data":null', ',"data":""', ',"data":{}', ',"data":false', ',"users":null'])
def test_past_the_first_page_a_count_of_the_whole_list_beside_no_records_is_an_empty_page(
    count: str, nothing: str
) -> None:
    body = f'{{{OK},"campaign":"cam_1",{count}{nothing}}}'.encode()
    for endpoint in (SESSIONS, choose_endpoints("")["directory_registrations"]):
        answer = parse_envelope(body, endpoint, page=2)
        assert isinstance(answer, Answer)
        assert answer.records == NO_RECORDS
    with pytest.raises(ShapeError):
        parse_envelope(body, choose_endpoints("")["directory_registrations"])


@pytest.mark.parametrize("beside", ['"rows":5', '"rows":[1]', '"a":[{"b":1}],"c":[{"d":1}]', '"note":"later"'])
def test_past_the_first_page_an_unknown_shape_is_refused_as_well(beside: str) -> None:
    with pytest.raises(ShapeError):
        parse_envelope(f'{{{OK},"amount_of_results":130,{beside}}}'.encode(), SESSIONS, page=2)


def test_a_count_of_zero_hides_no_things_with_an_id() -> None:
    answer = parse_envelope(f'{{{OK},"total":0,"users":[{{"ID":"1"}}],"notes":[]}}'.encode(), CARDS)
    assert isinstance(answer, Answer)
    assert answer.records == b'[{"ID":"1"}]'


def test_an_answer_that_has_no_content_by_its_status_is_an_empty_list() -> None:
    assert parse_answer(b"", 204, SESSIONS) == Answer(b"[]", None)
    with pytest.raises(ShapeError):
        parse_answer(b"", 200, SESSIONS)


@pytest.mark.parametrize("depth", [500, 1_000, 100_000])
def test_records_are_found_around_a_value_that_is_too_deep(depth: int) -> None:
    deep = f'{{"a":{"[" * depth}{"]" * depth}}}'
    answer = parse_envelope(f'{{{OK},"data":[{{"b":"]"}},{deep}],"amount_of_results":2}}'.encode(), SESSIONS)
    assert answer == Answer(f'[{{"b":"]"}},{deep}]'.encode(), 2, "data")
    assert split_records(answer.records) == [b'{"b":"]"}', deep.encode()]


@pytest.mark.parametrize("body", ["[1,2]", "5", '{"message":"no"}', '{"a":[{"b":1}],"c":[{"d":1}]}', '{"a":5}'])
def test_v4_answers_of_no_known_shape_are_refused(body: str) -> None:
    with pytest.raises(ShapeError):
        parse_envelope(body.encode(), CARDS)


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (b"", "an empty body"),
        (b" <html>", "HTML (7 bytes)"),
        (b'{"a":[{', "not JSON, or cut off (7 bytes)"),
        (b'{"a":"\xe9"}', "not in UTF-8, or cut off (9 bytes)"),
        ('{"a":1}'.encode("utf-16"), "{a: number}, in UTF-16 instead of UTF-8"),
        (b"5", "number"),
        (b'{"s":{"t":"hush"},"n":null,"f":true,"l":[]}', "{s: {t: text}, n: null, f: flag, l: []}"),
        (b'[{"a":1},{"a":2},{"a":3},{"b":3}]', "[4 x {a: number}]"),
        (b'{"jan@hush.be":{"x":1},"an@hush.be":{"x":2}}', "{<key>: {x: number}}"),
        (b'{"a":{"b":{"c":{"d":{"e":1}}}}}', "{a: {b: {c: {d: {…}}}}}"),
        (b'{"a":"\\ud800"}', "{a: text}"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "{a: [1 x [1 x [1 x [1 x …]]]]}"),
        (b'{"a":' + b"9" * 5_000 + b"}", "{a: number}"),
    ],
)
def test_a_shape_is_keys_and_types_and_no_value(body: bytes, shape: str) -> None:
    assert describe_shape(body) == shape


def test_the_description_of_an_answer_with_many_fields_is_cut_off() -> None:
    inner = {f"field_{number}": {f"value_{other}": 1 for other in range(40)} for number in range(40)}
    assert 500 < len(describe_shape(json.dumps(inner).encode("utf-16"))) < 800


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
        (
            f'"status":{{"status":"failed","errors":{{"error_code":[{"9" * 400},{"9" * 5_000},"{"9" * 5_000}",505]}}}}',
            Failure(frozenset({505}), "no reason given"),
        ),
        ('"status":{"status":"FAILED"}', Failure(frozenset(), "no reason given")),
    ],
)
def test_every_error_shape_is_understood(errors: str, failure: Failure) -> None:
    assert parse_envelope(f"{{{errors}}}".encode(), SESSIONS) == failure
