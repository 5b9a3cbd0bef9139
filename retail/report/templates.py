"""The templates of pages that open without a network.

In: the package that holds them, and a template's name. Out: the template, which escapes everything that it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retail.escaping import printable

if TYPE_CHECKING:
    from jinja2 import Template


def template(package: str, name: str) -> Template:
    """A name that it is not given is an error."""
    # Here, because it takes time that no other command should wait for.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        finalize=lambda held: printable(held) if isinstance(held, str) and not hasattr(held, "__html__") else held,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(name)
