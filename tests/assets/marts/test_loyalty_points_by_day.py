"""marts.loyalty_points_by_day."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.marts import in_marts

FIRST = datetime(2026, 1, 1, 9)
STATE = "opening_points, net_earned_points, net_spent_points, voided_points, unvoided_points, deleted_points"
ROWS = f"SELECT day, {STATE}, closing_points FROM marts.loyalty_points_by_day ORDER BY loyalty_card_id, day"


def change(
    user: str, day: int, before: int | None, after: int | None, *, void: tuple[bool, bool] = (False, False)
) -> dict[str, Any]:
    return {
        "loyalty_card_id": "7",
        "loyalty_user_id": user,
        "last_observed_at": FIRST + timedelta(days=day - 1),
        "observed_at": FIRST + timedelta(days=day),
        "points_before": before,
        "points_after": after,
        "is_voided_before": void[0],
        "is_voided_after": void[1],
    }


def member(user: str, points: int | None, day: int, **columns: object) -> dict[str, Any]:
    read_at = FIRST + timedelta(days=day)
    return {"loyalty_card_id": "7", "loyalty_user_id": user, "points": points, "_extracted_at": read_at} | columns


def test_the_balance_is_carried_forward_from_day_to_day() -> None:
    changes = [
        change("ann", 1, 10, 25),
        change("bo", 1, 30, 22),
        change("bo", 2, 22, 20, void=(False, True)),
        change("ann", 2, 25, 5),
        change("bo", 3, 20, 21, void=(True, True)),
        change("bo", 4, 21, 24, void=(True, False)),
    ]
    users = [member("ann", 5, 5), member("bo", 24, 5), member("cy", 100, 4, _deleted_at=FIRST + timedelta(days=4))]
    assert in_marts(ROWS, loyalty_user_changes=changes, loyalty_users=users) == [
        (date(2026, 1, 2), 140, 15, 8, 0, 0, 0, 147),
        (date(2026, 1, 3), 147, 0, 20, 22, 0, 0, 105),
        (date(2026, 1, 4), 105, 0, 0, 0, 0, 0, 105),
        (date(2026, 1, 5), 105, 0, 0, 0, 24, 100, 29),
        (date(2026, 1, 6), 29, 0, 0, 0, 0, 0, 29),
    ]


def test_a_card_that_never_changed_has_the_balance_of_the_last_export() -> None:
    users = [member("ann", 5, 3), member("bo", 7, 3, is_voided=True), member("cy", None, 3)]
    assert in_marts(ROWS, loyalty_users=users) == [(date(2026, 1, 4), 5, 0, 0, 0, 0, 0, 5)]


def test_a_card_that_everybody_has_left_ends_with_the_day_on_which_they_were_gone() -> None:
    users = [
        member("ann", 5, 3, _deleted_at=FIRST + timedelta(days=4)),
        member("bo", 7, 3, is_voided=True, _deleted_at=FIRST + timedelta(days=4)),
    ]
    assert in_marts(ROWS, loyalty_users=users) == [(date(2026, 1, 5), 5, 0, 0, 0, 0, 5, 0)]
    assert in_marts(ROWS, loyalty_users=users[1:]) == [(date(2026, 1, 5), 0, 0, 0, 0, 0, 0, 0)]


def test_what_is_added_and_taken_counts_void_cards_too() -> None:
    changes = [change("ann", 1, 10, 25), change("bo", 1, 30, 22, void=(True, True)), change("bo", 2, 22, 30)]
    figures = "users_changed, points_added, points_taken, points_since_first_change"
    query = f"SELECT {figures} FROM marts.loyalty_points_by_day ORDER BY day"
    assert in_marts(query, loyalty_user_changes=changes) == [(2, 15, 8, 7), (1, 8, 0, 15)]


def test_first_points_and_stamps_are_added_although_there_was_no_number_before() -> None:
    changes = [
        change("ann", 1, None, 5) | {"stamps_before": None, "stamps_after": 1},
        change("ann", 2, 5, None) | {"stamps_before": 1, "stamps_after": None},
    ]
    figures = "net_earned_points, net_spent_points, points_added, points_taken, stamps_added, stamps_taken"
    query = f"SELECT {figures} FROM marts.loyalty_points_by_day WHERE users_changed > 0 ORDER BY day"
    rows = in_marts(query, loyalty_user_changes=changes, loyalty_users=[member("ann", None, 3)])
    assert rows == [(5, 0, 5, 0, 1, 0), (0, 5, 0, 5, 0, 1)]


MEMBER = st.none() | st.tuples(st.none() | st.integers(0, 50), st.booleans())
"""What a read shows of a person: nothing, or points and whether the card is void."""

READS = st.lists(st.fixed_dictionaries(dict.fromkeys(("ann", "bo", "cy"), MEMBER)), min_size=1, max_size=6)


@given(READS)
@examples(20)
def test_opening_and_movements_make_the_closing_and_the_last_closing_is_what_is_on_the_cards(
    reads: list[dict[str, tuple[int | None, bool] | None]],
) -> None:
    users, changes = observe(reads)
    tables = {"loyalty_users": users, "loyalty_user_changes": changes}
    rows = in_marts(ROWS, **tables)
    before = None
    for _, opening, earned, spent, voided, unvoided, deleted, closing in rows:
        assert opening + earned - spent - voided + unvoided - deleted == closing
        assert before is None or opening == before
        assert min(earned, spent, voided, unvoided, deleted, opening, closing) >= 0
        before = closing
    last_read = reads[-1].values()
    assert (before or 0) == sum((state[0] or 0) for state in last_read if state and not state[1])
    assert sum(points for (points,) in in_marts("SELECT points_not_void FROM marts.loyalty_points", **tables)) == (
        before or Decimal(0)
    )


def observe(
    reads: list[dict[str, tuple[int | None, bool] | None]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The users and changes that complete reads on consecutive days leave behind."""
    users: dict[str, dict[str, Any]] = {}
    changes: list[dict[str, Any]] = []
    for day, read in enumerate(reads):
        for user, state in read.items():
            known = users.get(user)
            if state is None:
                if known and known["_deleted_at"] is None:
                    known["_deleted_at"] = FIRST + timedelta(days=day)
                continue
            points, is_void = state
            if known and (known["points"], known["is_voided"]) != state:
                void = known["is_voided"], is_void
                changes.append(change(user, day, known["points"], points, void=void))
            users[user] = member(user, points, day, is_voided=is_void, _deleted_at=None)
    return list(users.values()), changes
