"""A plug-in is known by lying in the folder; what is only imported or only a base is not."""

from __future__ import annotations

import sys

from retail.plugins import plugins_in


class Base:
    """What the plug-ins of the test derive from."""


def test_classes_that_a_folder_defines_and_names_are_found_sorted(tmp_path, monkeypatch):
    package = tmp_path / "kinds_of_the_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    head = "from tests.test_plugins import Base\n\n"
    named = "class {0}(Base):\n    name = '{1}'\n\n\n"
    (package / "first.py").write_text(head + named.format("Late", "z") + named.format("Early", "a"))
    nameless, alien = "class Nameless(Early):\n    pass\n\n\n", "class Alien:\n    name = 'b'\n"
    (package / "second.py").write_text(f"from kinds_of_the_test.first import Early\n\n\n{nameless}{alien}")
    monkeypatch.syspath_prepend(tmp_path)
    found = plugins_in("kinds_of_the_test", Base, "name")
    assert list(found) == ["a", "z"] and found["z"] is sys.modules["kinds_of_the_test.first"].Late
