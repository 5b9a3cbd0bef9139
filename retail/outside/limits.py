"""Every bound on what is read from outside, with its reason. A constant here is what a refusal names.

Sizes are in bytes unless the name says otherwise. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass

# Photos and sounds
MAX_FILE_BYTES = 100 * 2**20  # a phone's JPEG of 200 megapixels has 30 to 90 MB, a minute of studio sound 92
MAX_PIXELS = 64_000_000  # that are decoded whole: a phone takes 12 to 50 million, and a bomb of 160 KB can claim 169
# A JPEG is decoded at an eighth of its size; sensors of "200 megapixels" have up to 201.4.
MAX_JPEG_PIXELS = 205_000_000
MAX_PROFILE_BYTES = 4 * 2**20  # of colours: printers' tables have up to 3 MB
MAX_CODES = 20  # of one photo
MAX_CODE_CHARACTERS = 500  # of one code; a QR code may hold 4,296
MAX_PRINTED_LINES, MAX_PRINTED_CHARACTERS = 60, 200  # of one photo, of one line: more is no pack
MAX_CLIP_SECONDS = 60  # a name is short, but who records may start long before it; what follows is not read
MAX_CHANNELS, RATES_HZ = 16, (1_000, 400_000)  # what a header may claim before the file is called damaged
MAX_NUMBERS_A_SECOND = 1_600_000  # of all channels together: eight at 192 kHz; a minute of them takes 400 MB
# The process that decodes what strangers send, and how many of them there are at once.
DECODE_SECONDS = 60.0  # the largest photo takes 3 s on a machine that has nothing else to do
DECODE_MEMORY_BYTES = 3 * 2**30  # of addresses; a photo of 64 megapixels with 16 bits takes half of it
HELPERS = 2

# Descriptions
MAX_TEXT_CHARACTERS = 20_000  # some 3,500 words, 300 sentences
MAX_SOURCE_CHARACTERS = 100_000  # with its tags; deeply nested ones cost the square of their number, a second here

# Tables
MAX_CELLS = 20_000_000  # that a table may unfold to, whatever its file's size: as many strings fill over a gigabyte
MAX_ROWS = 5_000_000  # read at once, however short: what is kept of each takes 200 bytes before a cell is counted
MAX_COLUMNS = 16_384  # as many as a spreadsheet has
MAX_TABLE_BYTES = 512 * 2**20  # read at once; twenty million cells of 25 letters
MAX_LINES = 10_000_000  # of it, blank ones included
MAX_LINE_CHARACTERS = 16 * 2**20  # a row may hold a long text, but not a file
MAX_FAULTS = 200_000  # lines of one table that cannot be used: nobody reads more sentences than that
MAX_JSON_BYTES = 128 * 2**20  # of one document, which takes twenty times as much memory; JSON Lines may be larger
MAX_VALUES = 100_000_000  # in the lists of a Parquet table
MAX_BATCH_BYTES = 2**30  # of 64 rows of one, photos included
MAX_CELL_LINES = 1000  # within quotes; a stray quote would lead on to the end of the file
MAX_WORKBOOK_BYTES = 2**30  # unpacked
TABLE_SECONDS, TABLE_MEMORY_BYTES = 300, 4 * 2**30  # what 20 million cells take, with room

# Folders and ZIPs
MAX_LIST_CHARACTERS = 100_000  # of a cell that lists files: Python's own lists take a hundred times as much to read
MAX_LISTED = 300_000  # a mistyped folder may be a whole disk; no data set of one machine holds as many files
MAX_MEMBERS = 50_000
MAX_DIRECTORY_BYTES = 32 * 2**20  # of a ZIP's list of files: 670 bytes for each of so many
MAX_UNPACKED_BYTES = 2 * 2**30
MAX_RATIO, RATIO_FROM_BYTES = 200, 10 * 2**20  # photos and sounds hardly compress: a large member beyond it is a bomb
MAX_DATA_UPLOAD_MB = 2048  # of a ZIP, as many as it may unpack to

# Files that one part of the product writes and another reads
MAX_RECORD_MIB = 512  # none of ours comes near it, and a larger one fills the memory
MAX_COUNT = 2**53  # of anything: what JSON's readers and charts can tell from its neighbours
MAX_FIGURE = 1e15  # of a score, a time or a size: a larger one is damage, and fills a line of a table
LAST_SECOND = 253_402_300_799.0  # of the year 9999, the last that a date can have

# Recognisers: what a description may claim before anything is made of it
MAX_DESCRIPTION_MIB = 64  # a million classes with long names have 40
MAX_WEIGHTS_BYTES = 8 * 2**30  # of one file: a million classes on 1,152 features have 4.6 GB
MAX_LAYERS = 128  # hidden layers of a head, and layers of an encoder that stand beside its last; few have over 50
MAX_TASKS = 1000  # questions; each is a layer of its own
MAX_SIDE = 2048  # pixels of the square that a network sees: the largest see 1,024, and memory grows with the square
MAX_SETTINGS_BYTES = 2**20  # of an encoder's settings, or of a request; those of transformers have some kilobytes
MAX_TOKENIZER_BYTES = 64 * 2**20  # of one of its files; a vocabulary of 250,000 words has 17 MB

# Requests over HTTP
MAX_REQUEST_MIB, MAX_REQUEST_SECONDS = 32, 30.0  # three photos of a phone and a minute of sound; its upload included
MAX_WAITING = 64  # requests under way: what two cores answer in some seconds; more are sent away
MAX_PRODUCTS, MAX_PHOTOS = 64, 8  # of a batch, of a product
MAX_FOUND = 100  # products in an answer
MAX_NAME_LETTERS = 120  # of a product's or a recogniser's name


@dataclass(frozen=True)
class FetchLimits:
    """What fetching photos and sounds from the web may take."""

    addresses: int = 20_000  # fetched in one go; the next go takes the others
    file_bytes: int = MAX_FILE_BYTES
    connect_seconds: float = 5
    file_seconds: float = 30  # from the request to the last byte, redirects included
    at_once: int = 8
    at_once_from_a_host: int = 4
    redirects: int = 3
