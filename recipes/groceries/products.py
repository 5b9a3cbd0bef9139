"""The 81 products by the names that the recogniser gives them, what people call them, and a line of our own about each.

Names and categories are the classes of `data/groceries_bundle`. The lines are written for this project, from what
everybody knows of apples and milk; nothing in them comes from the data set's own descriptions.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grocery:
    """A product: its class names, its everyday name (often the same) and a line that describes it."""

    name: str
    category: str
    department: str
    everyday: str
    description: str

    @property
    def key(self) -> str:
        """What its files are called."""
        return self.name.lower().replace(" ", "_")


# Department, category: name | everyday name, where it is another | description.
TABLE = """
Fruit, Apple
Golden Delicious | golden delicious apple | mild, sweet apple with yellow to pale green skin
Granny Smith | granny smith apple | sour, crisp apple, bright green all over
Pink Lady | pink lady apple | pink and yellow apple, crisp, between sweet and sour
Red Delicious | red delicious apple | dark red, elongated apple, sweet
Royal Gala | royal gala apple | small apple with red and yellow stripes, sweet
Fruit, Avocado
Avocado | | green fruit with a large stone, creamy inside, for guacamole
Fruit, Banana
Banana | | long, curved yellow fruit, sold in bunches
Fruit, Kiwi
Kiwi | kiwi fruit | small brown furry fruit, green inside with black seeds
Fruit, Lemon
Lemon | | sour yellow citrus fruit
Fruit, Lime
Lime | | small sour green citrus fruit
Fruit, Mango
Mango | | large tropical fruit, green to red outside, orange inside
Fruit, Melon
Cantaloupe | cantaloupe melon | melon with a netted rind and orange flesh
Galia Melon | galia | round melon with a netted yellow rind and pale green flesh
Honeydew Melon | honeydew | smooth yellow melon, pale and very sweet inside
Watermelon | | large green melon, red and watery inside, with dark seeds
Fruit, Nectarine
Nectarine | | like a peach, with smooth red and yellow skin
Fruit, Orange
Orange | | round orange citrus fruit, sweet, for juice
Fruit, Papaya
Papaya | | tropical fruit, orange inside with many black seeds
Fruit, Passion Fruit
Passion Fruit | | small purple fruit with seeds in sour yellow pulp
Fruit, Peach
Peach | | soft, sweet fruit with velvety skin and a stone
Fruit, Pear
Anjou | anjou pear | plump green pear
Conference | conference pear | long, slim pear, green with brown russet
Kaiser | kaiser pear | large pear with brown skin
Fruit, Pineapple
Pineapple | | large tropical fruit with a prickly rind and a tuft of leaves
Fruit, Plum
Plum | | small purple or red fruit with a stone
Fruit, Pomegranate
Pomegranate | | round red fruit full of juicy red seeds
Fruit, Red Grapefruit
Red Grapefruit | grapefruit | large citrus fruit, red and bitter inside
Fruit, Satsumas
Satsumas | satsuma | small, sweet mandarins that are easy to peel
Packages, Juice
Bravo Apple Juice | bravo apple | apple juice of the brand Bravo in a carton
Bravo Orange Juice | bravo orange | orange juice of the brand Bravo in a carton
God Morgon Apple Juice | god morgon apple | apple juice of the brand God Morgon in a carton
God Morgon Orange Juice | god morgon orange | orange juice of the brand God Morgon in a carton
God Morgon Orange Red Grapefruit Juice | orange and red grapefruit juice | juice of orange and grapefruit, God Morgon
God Morgon Red Grapefruit Juice | red grapefruit juice | juice of red grapefruits, God Morgon
Tropicana Apple Juice | tropicana apple | apple juice of the brand Tropicana
Tropicana Golden Grapefruit | golden grapefruit juice | grapefruit juice of the brand Tropicana
Tropicana Juice Smooth | tropicana smooth | smooth juice without pulp, Tropicana
Tropicana Mandarin Morning | mandarin juice | juice with mandarins, Tropicana
Packages, Milk
Arla Ecological Medium Fat Milk | arla organic medium fat milk | organic milk of the brand Arla with medium fat
Arla Lactose Medium Fat Milk | lactose free milk | milk of the brand Arla without lactose, medium fat
Arla Medium Fat Milk | medium fat milk | milk of the brand Arla with medium fat
Arla Standard Milk | standard milk | whole milk of the brand Arla
Garant Ecological Medium Fat Milk | garant organic medium fat milk | organic milk of the brand Garant with medium fat
Garant Ecological Standard Milk | garant organic standard milk | organic whole milk of the brand Garant
Packages, Oat Milk
Oatly Oat Milk | oat milk | plant drink made of oats, brand Oatly, vegan
Packages, Oatghurt
Oatly Natural Oatghurt | oat yoghurt | plain yoghurt alternative made of oats, brand Oatly, vegan
Packages, Sour Cream
Arla Ecological Sour Cream | organic sour cream | organic sour cream of the brand Arla
Arla Sour Cream | sour cream | sour cream of the brand Arla
Packages, Sour Milk
Arla Sour Milk | sour milk | cultured milk of the brand Arla, to drink or with cereals
Packages, Soy Milk
Alpro Fresh Soy Milk | fresh soy milk | chilled plant drink made of soya beans, brand Alpro, vegan
Alpro Shelf Soy Milk | soy milk | plant drink made of soya beans that needs no fridge, brand Alpro, vegan
Packages, Soyghurt
Alpro Blueberry Soyghurt | blueberry soy yoghurt | soya yoghurt alternative with blueberries, brand Alpro
Alpro Vanilla Soyghurt | vanilla soy yoghurt | soya yoghurt alternative with vanilla, brand Alpro
Packages, Yoghurt
Arla Mild Vanilla Yoghurt | mild vanilla yoghurt | mild yoghurt with vanilla, brand Arla
Arla Natural Mild Low Fat Yoghurt | low fat yoghurt | mild plain yoghurt with little fat, brand Arla
Arla Natural Yoghurt | natural yoghurt | plain yoghurt of the brand Arla
Valio Vanilla Yoghurt | valio vanilla | yoghurt with vanilla, brand Valio
Yoggi Strawberry Yoghurt | strawberry yoghurt | yoghurt with strawberries, brand Yoggi
Yoggi Vanilla Yoghurt | yoggi vanilla | yoghurt with vanilla, brand Yoggi
Vegetables, Asparagus
Asparagus | green asparagus | green spears, sold in bundles
Vegetables, Aubergine
Aubergine | eggplant | shiny dark purple vegetable
Vegetables, Cabbage
Cabbage | white cabbage | large round head of pale green leaves
Vegetables, Carrots
Carrots | carrot | long orange roots
Vegetables, Cucumber
Cucumber | | long green vegetable for salads
Vegetables, Garlic
Garlic | | white bulb of cloves with a strong smell
Vegetables, Ginger
Ginger | ginger root | knobbly brown root, hot and spicy
Vegetables, Leek
Leek | | long white and green stalk, mild like onion
Vegetables, Mushroom
Brown Cap Mushroom | mushroom | button mushrooms with brown caps
Vegetables, Onion
Yellow Onion | onion | round bulb with a dry yellow to brown skin
Vegetables, Pepper
Green Bell Pepper | green pepper | green sweet pepper, capsicum
Orange Bell Pepper | orange pepper | orange sweet pepper, capsicum
Red Bell Pepper | red pepper | red sweet pepper, capsicum
Yellow Bell Pepper | yellow pepper | yellow sweet pepper, capsicum
Vegetables, Potato
Floury Potato | floury potatoes | potato that falls apart when boiled, for mash
Solid Potato | firm potatoes | potato that stays firm when boiled, for salad
Sweet Potato | sweet potatoes | orange, sweet root, pink to brown outside
Vegetables, Red Beet
Red Beet | beetroot | round dark red root
Vegetables, Tomato
Beef Tomato | beefsteak tomato | large ribbed tomato for slicing
Regular Tomato | tomato | round red tomato
Vine Tomato | vine tomatoes | tomatoes sold on their green stem
Vegetables, Zucchini
Zucchini | courgette | long green squash
"""


def groceries() -> list[Grocery]:
    """All of them, in the order of the table."""
    found, department, category = [], "", ""
    for line in TABLE.strip().splitlines():
        if "|" not in line:
            department, category = line.split(", ")
            continue
        name, everyday, description = (cell.strip() for cell in line.split("|"))
        found.append(Grocery(name, category, department, everyday or name.lower(), description))
    return found
