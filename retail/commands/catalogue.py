"""The commands of a catalogue: list, import, add, show, edit, merge, remove, search, export, rename, delete.

In: the name of a catalogue, and products as files, words or a data set. Out: products kept, found, or in a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail.commands.shared import EXAMPLES, Data, Trust, app, reported, say, trusted
from retail.schema import Modality, Product, UserError
from retail.wording import INPUT_WORDS, number_of

if TYPE_CHECKING:
    from retail.catalogue.database import Catalogue
    from retail.catalogue.record import CatalogueProduct
    from retail.encoders import Encoder

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(commands, name="catalogue", help="Known products by name: import, add, search, edit, export.")

Name = Annotated[
    str, typer.Argument(help="A catalogue by its name; a new one is made by add and import.", metavar="NAME")
]
ProductId = Annotated[str, typer.Argument(help="A product's id, as list and search print it.", metavar="ID")]
ProductIds = Annotated[list[str], typer.Argument(help="Ids of products.", metavar="ID...")]
Images = Annotated[list[Path] | None, typer.Option(help="A photo; may be given several times.")]
Text = Annotated[str, typer.Option(help="The description.")]
Audio = Annotated[Path | None, typer.Option(help="A sound clip.")]
Labels = Annotated[
    list[str] | None, typer.Option("--label", help="Its class, such as category=tea; may be given several times.")
]
Fields = Annotated[
    list[str] | None, typer.Option("--field", help="Anything else, such as sku=4711; may be given several times.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(help="Only products with this value, such as brand=Lark; may be given several times."),
]
MOST = 20  # products that are printed unless more are asked for
Count = Annotated[int, typer.Option(min=1, help="Most products to print.")]


@commands.command("list", epilog=EXAMPLES["catalogue list"])
def list_(
    name: Annotated[str, typer.Argument(help="A catalogue; all of them are listed if left out.")] = "",
    words: Annotated[str, typer.Option(help="Only products whose name, labels or fields hold these words.")] = "",
    where: Where = None,
    count: Count = MOST,
) -> None:
    """List the catalogues, or the products of one."""
    from retail.catalogue.database import Catalogue, names

    with reported():
        if not name:
            for one in names():
                say(f"{one}  {products_of(Catalogue.open(one))}")
            return
        catalogue = existing(name)
        for product in catalogue.products(words=words, where=pairs("where", where), limit=count):
            say(line_of(product))
        say(f"{products_of(catalogue)} in “{name}”.")


@commands.command("import", epilog=EXAMPLES["catalogue import"])
def import_(
    name: Name,
    data: Data,
    name_column: Annotated[str, typer.Option(help="The column that names a product; guessed if left out.")] = "",
    by: Annotated[
        str, typer.Option(help="Rows with the same value here are one product, such as sku; guessed if left out.")
    ] = "",
) -> None:
    """Take the products of a data set; name what was not taken."""
    from retail.catalogue.database import Catalogue
    from retail.dataset.remarks import few_of_each

    with reported() as progress:
        found = Catalogue.open(name).import_data(data, name_column=name_column, by=by, progress=progress)
        for sentence in few_of_each(map(str, found.problems)):
            say(sentence)
        say(found.sentence)


@commands.command("add", epilog=EXAMPLES["catalogue add"])
def add(
    name: Name,
    title: Annotated[str, typer.Argument(help="What the product is called.", metavar="TITLE")],
    image: Images = None,
    text: Text = "",
    audio: Audio = None,
    label: Labels = None,
    field: Fields = None,
) -> None:
    """Add a product, known by photos, words, a sound, any mix."""
    from retail.catalogue.database import Catalogue
    from retail.catalogue.record import CatalogueProduct

    with reported():
        shown = Product.of(image, text, audio)
        if not title.strip():
            raise UserError("A product needs a name; give it as TITLE.")
        if not shown.modalities:
            raise UserError("A product needs at least one of --image, --text and --audio.")
        facts = CatalogueProduct("", title.strip(), labels=pairs("label", label), fields=pairs("field", field))
        (kept,) = Catalogue.open(name).add([(facts, shown)])
        say(f"Added: {line_of(kept)}")


@commands.command("show", epilog=EXAMPLES["catalogue show"])
def show(name: Name, product_id: ProductId) -> None:
    """Show everything that is kept of a product."""
    with reported():
        product = known(existing(name), product_id)
        say(line_of(product))
        for kind, values in (("label", product.labels), ("field", product.fields)):
            for key, value in values.items():
                say(f"  {kind} {key}: {value}")
        for view in product.views:
            say(f"  {INPUT_WORDS[view.modality]} {view.id} ({view.origin}): {view.source!s}")


@commands.command("edit", epilog=EXAMPLES["catalogue edit"])
def edit(
    name: Name,
    product_id: ProductId,
    title: Annotated[str | None, typer.Option(help="A new name.")] = None,
    label: Labels = None,
    field: Fields = None,
    image: Images = None,
    text: Text = "",
    audio: Audio = None,
    remove_view: Annotated[
        list[str] | None, typer.Option(help="A photo, description or clip by its id, as show prints it.")
    ] = None,
) -> None:
    """Change name, labels, fields (`sku=` drops one) and views."""
    with reported():
        catalogue = existing(name)
        product = known(catalogue, product_id)
        if alien := set(remove_view or ()) - {view.id for view in product.views}:
            raise UserError(f"{title_of(product)} has no view {min(alien)!r}; `show` prints the ids of its views.")
        labels, fields = changed(product.labels, pairs("label", label)), changed(product.fields, pairs("field", field))
        shown = Product.of(image, text, audio)
        catalogue.edit(product_id, name=title, labels=labels, fields=fields)
        if shown.modalities:
            catalogue.add_views(product_id, shown, "enrolled")
        if remove_view:
            catalogue.remove_views(remove_view)
        say(f"Changed: {line_of(known(catalogue, product_id))}")


@commands.command("merge", epilog=EXAMPLES["catalogue merge"])
def merge(
    name: Name,
    keep: Annotated[str, typer.Argument(help="The product whose name and fields stay.", metavar="KEEP")],
    others: ProductIds,
) -> None:
    """Make one product of several; the first keeps its name."""
    with reported():
        catalogue = existing(name)
        for product_id in (keep, *others):
            known(catalogue, product_id)
        say(f"Merged: {line_of(catalogue.merge(keep, others))}")


@commands.command("remove", epilog=EXAMPLES["catalogue remove"])
def remove(name: Name, product_ids: ProductIds) -> None:
    """Take products out of a catalogue."""
    with reported():
        catalogue = existing(name)
        going = [known(catalogue, product_id) for product_id in product_ids]
        catalogue.remove([product.id for product in going])
        for product in going:
            say(f"Removed: {line_of(product)}")


@commands.command("search", epilog=EXAMPLES["catalogue search"])
def search(
    name: Name,
    words: Annotated[str, typer.Argument(help="Words to look for.")] = "",
    image: Images = None,
    audio: Audio = None,
    where: Where = None,
    count: Count = MOST,
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="Look with this recogniser's encoders, for words too; photos and sounds else by the bundled."
        ),
    ] = None,
    trust: Trust = False,
) -> None:
    """Find products by words, a photo, a sound, or any mix."""
    with reported() as progress:
        catalogue, shown = existing(name), Product.of(image, "", audio)
        if not words.strip() and not shown.modalities:
            raise UserError("Give words, --image or --audio to search by.")
        trusted([bundle] if bundle else [], trust)
        encoders = searching(bundle, bool(shown.modalities))
        if encoders:
            catalogue.embed(encoders, progress=progress)
        found = catalogue.search(words, shown, encoders=encoders, where=pairs("where", where), count=count)
        for one in found:
            say(line_of(one.product))
        if not found:
            say("Nothing was found.")


def searching(bundle: Path | None, by_example: bool) -> Mapping[Modality, Encoder]:
    """The encoders to look with; none where words alone are looked for as they stand."""
    if bundle is not None:
        from retail.recognizer.bundle import load_bundle

        return load_bundle(bundle).encoders
    if not by_example:
        return {}
    from retail.encoders import load_preset

    return load_preset("bundled")


@commands.command("export", epilog=EXAMPLES["catalogue export"])
def export(
    name: Name,
    out: Annotated[
        Path, typer.Argument(dir_okay=False, help="A .csv, .xlsx or .parquet file to write.", metavar="FILE")
    ],
) -> None:
    """Write a catalogue as a table, one row a product."""
    with reported():
        say(f"Written: {existing(name).export(out)}")


@commands.command("rename", epilog=EXAMPLES["catalogue rename"])
def rename(name: Name, new: Annotated[str, typer.Argument(help="Its new name.", metavar="NEW")]) -> None:
    """Give a catalogue another name; who answers with it follows."""
    from retail.catalogue.naming import rename

    with reported():
        say(f"“{name}” is now “{rename(name, new)}”.")


@commands.command("delete", epilog=EXAMPLES["catalogue delete"])
def delete(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Without asking.", show_default=False)] = False
) -> None:
    """Delete a catalogue with all its products and copied files."""
    from retail.catalogue.naming import delete

    with reported():
        going = products_of(existing(name))
        if not yes and not typer.confirm(f"Delete “{name}” with {going}? Nothing brings them back."):
            say("Nothing was deleted.")
            return
        delete(name)
        say(f"Deleted: “{name}” with {going}.")


def existing(name: str) -> Catalogue:
    """The catalogue of this name; a misspelt one is not made."""
    from retail.catalogue.database import Catalogue, names

    if name not in (there := names()):
        raise UserError(f"There is no catalogue {name!r}; there are: {', '.join(there) or 'none yet'}.")
    return Catalogue.open(name)


def known(catalogue: Catalogue, product_id: str) -> CatalogueProduct:
    """The product of this id, or one sentence."""
    if (product := catalogue.get(product_id)) is None:
        raise UserError(f"“{catalogue.name}” has no product {product_id!r}; `list` and `search` print the ids.")
    return product


def pairs(option: str, typed: Sequence[str] | None) -> dict[str, str]:
    """['sku=1', 'ean=2'] -> {'sku': '1', 'ean': '2'}."""
    split = [text.partition("=") for text in typed or ()]
    if wrong := [text for text, sign, _ in split if not text.strip() or not sign]:
        raise UserError(f"--{option} is a name and a value, such as {option}=tea, not {wrong[0]!r}.")
    return {key.strip(): value.strip() for key, _, value in split}


def changed(values: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """With new values; an empty one takes its key away."""
    return {key: value for key, value in {**values, **new}.items() if value}


def products_of(catalogue: Catalogue) -> str:
    """'2 products'."""
    count = len(catalogue)
    return number_of(count, "product")


def title_of(product: CatalogueProduct) -> str:
    """Its title on one line."""
    return " ".join(product.title.split())


def line_of(product: CatalogueProduct) -> str:
    """Id, name, and what shows it, on one line."""
    counts = {word: sum(view.modality == name for view in product.views) for name, word in INPUT_WORDS.items()}
    shown = ", ".join(number_of(count, word) for word, count in counts.items() if count)
    return f"{product.id}  {title_of(product)}  ({shown or 'nothing shows it'})"
