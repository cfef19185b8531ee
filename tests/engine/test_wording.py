"""Numbers in sentences: how they are written for people."""

from cds_service.engine.wording import listed, shown


def test_values_are_shown_for_people() -> None:
    assert [shown(v) for v in (False, True, 7.0, 0.5, 30, ["GA", "IN"])] == ["no", "yes", "7", "0.5", "30", "GA, IN"]


def test_words_are_listed_each_once() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "a"]) == "a and b"
    assert listed(["a", "b", "c"], "or") == "a, b or c"
