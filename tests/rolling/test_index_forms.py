"""A database that an earlier version made gets every index of this one."""

from services.adapters.mongo.indexes import OUTDATED
from tests.rolling import index_forms

KEPT, NOW = index_forms.kept(), index_forms.of_this_version()


def test_an_index_whose_form_changes_gets_another_name() -> None:
    changed = [name for name in KEPT.keys() & NOW.keys() if KEPT[name] != NOW[name]]
    assert changed == [], "give it another name, and put the old one into OUTDATED"


def test_every_index_is_kept() -> None:
    assert NOW.keys() - KEPT.keys() == set(), "run `python -m tests.rolling keep`"


def test_one_that_is_made_no_more_is_dropped() -> None:
    dropped = {f"{collection}.{name}" for collection, names in OUTDATED.items() for name in names}
    assert KEPT.keys() - NOW.keys() == dropped
