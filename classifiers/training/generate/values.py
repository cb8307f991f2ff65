"""Draws a value for each slot of a template: its text, and its type or None."""

import random
import string

from pools import ABROAD, LOCALES, pool

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
DATES = {
    "en": ["{d} {M} {y}", "{M} {d}, {y}", "{mm}/{dd}/{y}", "{M} {d}", "{d} {M}", "{dd}/{mm}/{y}", "{y}-{mm}-{dd}",
           "the {d}th of {M}", "{M} {y}", "{S} {d}, {y}", "{d}-{S}-{y}", "{mm}-{dd}-{yy}", "{m}/{d}/{yy}"],
    "de": ["{d}. {M} {y}", "{dd}.{mm}.{y}", "{d}.{m}.{yy}", "{d}. {M}", "{M} {y}", "{y}-{mm}-{dd}"],
    "fr": ["{d} {M} {y}", "{dd}/{mm}/{y}", "{d} {M}", "{dd}.{mm}.{y}", "{M} {y}", "1er {M} {y}"],
    "es": ["{d} de {M} de {y}", "{dd}/{mm}/{y}", "{d} de {M}", "{dd}-{mm}-{y}", "{M} de {y}"],
    "it": ["{d} {M} {y}", "{dd}/{mm}/{y}", "{d} {M}", "{dd}.{mm}.{y}", "{M} {y}"],
    "nl": ["{d} {M} {y}", "{dd}-{mm}-{y}", "{d} {M}", "{dd}/{mm}/{y}", "{M} {y}"],
    "pl": ["{d} {M} {y}", "{dd}.{mm}.{y}", "{d} {M}", "{dd}.{mm}.{y} r.", "{y}-{mm}-{dd}"],
    "pt": ["{d} de {M} de {y}", "{dd}/{mm}/{y}", "{d} de {M}", "{dd}-{mm}-{y}", "{M} de {y}"],
}
AGES = {
    "en": ["{n} years old", "{n}-year-old", "{n} y/o", "{n} yo", "aged {n}", "{n} years"],
    "de": ["{n} Jahre alt", "{n} Jahre", "{n} J."], "fr": ["{n} ans"], "es": ["{n} años"],
    "it": ["{n} anni"], "nl": ["{n} jaar", "{n} jaar oud"], "pl": ["{n} lat", "{n} lata"], "pt": ["{n} anos"],
}
AGE_ADJECTIVES = {"en": "{n}-year-old", "de": "{n}-jährige", "nl": "{n}-jarige"}
NATIONS = {
    "en": "German French Spanish Polish Dutch Italian Portuguese Turkish Nigerian Indian Chinese American British "
          "Muslim Christian Jewish Catholic Hindu Buddhist Syrian Ukrainian Romanian Brazilian Mexican Kurdish Sikh",
    "de": "deutsch französisch spanischer polnischer türkischer italienischer niederländischer syrischer indischer "
          "ukrainischer katholisch muslimisch evangelisch österreichischer britischer",
    "fr": "allemand français espagnol polonais turc italien néerlandais syrien marocain algérien ukrainien catholique",
    "es": "alemán francés español polaco turco italiano holandés sirio marroquí ucraniano católico musulmán",
    "it": "tedesco francese spagnolo polacco turco italiano olandese siriano marocchino ucraino cattolico musulmano",
    "nl": "Duitse Franse Spaanse Poolse Turkse Italiaanse Nederlandse Syrische Marokkaanse katholieke islamitische",
    "pl": "niemiecki francuski hiszpański polski turecki włoski holenderski syryjski ukraiński katolicki",
    "pt": "alemão francês espanhol polaco turco italiano holandês sírio marroquino ucraniano católico brasileiro",
}
TITLES = {
    "en": "Mr Mr. Mrs Mrs. Ms Ms. Dr Dr. Prof. Professor Sir Rev. Miss Dame Judge Captain",
    "de": "Herr Frau Dr. Prof. Herr_Dr. Frau_Dr. Prof._Dr. Dr._med. Dipl.-Ing.", "fr": "M. Mme Monsieur Madame Dr Docteur Maître",
    "es": "Sr. Sra. Don Doña Dr. Dra. D. Dª", "it": "Sig. Sig.ra Dott. Dott.ssa Avv. Ing. Prof.",
    "nl": "dhr. mevr. mr. dr. drs. prof. ir.", "pl": "pan pani dr prof. inż. mgr", "pt": "Sr. Sra. Dr. Dra. Eng. Prof.",
}
HOSPITALS = {
    "en": ["{c} General Hospital", "St. {f}'s Hospital", "{c} Medical Center", "{l} Memorial Clinic", "University Hospital {c}"],
    "de": ["Klinikum {c}", "Universitätsklinikum {c}", "St.-{f}-Krankenhaus", "Krankenhaus {c}"],
    "fr": ["CHU de {c}", "Hôpital {l}", "Clinique Saint-{f}", "Hôpital de {c}"],
    "es": ["Hospital General de {c}", "Hospital Universitario de {c}", "Clínica {l}", "Centro de Salud {c}"],
    "it": ["Ospedale di {c}", "Policlinico {l}", "Ospedale San {f}", "Clinica {l}"],
    "nl": ["{c} Ziekenhuis", "Ziekenhuis {c}", "UMC {c}", "Sint {f} Gasthuis"],
    "pl": ["Szpital Miejski w {c}", "Szpital im. {l}", "Szpital Kliniczny {c}", "Klinika {l}"],
    "pt": ["Hospital de {c}", "Hospital São {f}", "Centro de Saúde de {c}", "Clínica {l}"],
}
BODIES = ["{l} University", "University of {c}", "Bank of {c}", "{c} City Council", "{w} Labs", "{w} Technologies", "{w} AG",
          "{w} GmbH", "{w} Inc.", "{w} Inc", "{w} Ltd", "{w} Corp", "{w}", "{w} & {l}", "{l} & {l}", "{w} Group", "{w} Foundation",
          "{l} Holdings", "{w} S.A.", "{w} B.V.", "{w} S.r.l.", "{w} Sp. z o.o.", "{w} Lda", "{w} Solutions", "{c} United",
          "FC {c}", "{w} Airlines", "{w} Bank", "{w} Versicherung", "Stadt {c}", "Universität {c}", "Université de {c}",
          "Universidad de {c}", "Università di {c}", "{A}", "{A} {c}", "Ministry of {m}", "Department of {m}"]
MINISTRIES = ["Health", "Justice", "Finance", "Education", "Labour", "Transport", "Defence", "Agriculture"]
WORD_PARTS = ["nova", "tera", "lumi", "vex", "cor", "alto", "bryn", "syn", "quant", "omni", "hex", "solar", "blue", "north", "iron",
              "clear", "bright", "data", "net", "soft", "ware", "tec", "ium", "ora", "ix", "ado", "line", "stone", "field", "wave",
              "flux", "gen", "bio", "med", "agri", "fin", "port", "trans", "euro", "pharm"]
PRODUCTS = ["Galaxy Phone X{n}", "Aurora Lamp", "Victoria Sofa", "Florence Table", "Oxford Shoes", "Verona Chair", "Vienna Sausage",
            "Jordan Sneakers", "Sierra Backpack", "Santa Fe Floor Mat", "Chelsea Boots", "Windsor Knot Tie", "Apollo Router {n}",
            "Philips Screwdriver", "Dakota Jacket", "Charlotte Cake Pan", "Austin Desk", "Milano Cookies", "Memphis Guitar Strap"]
LANGUAGES = ["Python", "Java", "Rust", "Go", "C", "Kotlin", "Scala"]
VERBS = ["get", "set", "load", "parse", "find", "update", "render", "build", "list", "delete", "sync", "check"]
NOUNS = ["user", "name", "city", "order", "item", "token", "config", "page", "account", "session", "report", "address", "person"]


class Draw:
    """Values for one text, in one language."""

    def __init__(self, rng: random.Random, lang: str, unseen: bool):
        self.rng, self.lang, self.unseen = rng, lang, unseen
        locale = rng.choice(LOCALES[lang])
        self.home = pool(locale)
        self.people = pool(rng.choice(ABROAD)) if rng.random() < 0.2 else self.home
        if rng.random() < 0.1:
            self.people = pool(rng.choice(LOCALES[rng.choice(list(LOCALES))]))

    def slot(self, slot: str):
        return getattr(self, "s_" + slot)()

    def pick(self, kind, people=False):
        return self.rng.choice((self.people if people else self.home).of(kind, self.unseen))

    def first_text(self):
        name = self.pick("first", True)
        return f"{name}-{self.pick('first', True)}" if self.rng.random() < 0.03 else name

    def last_text(self):
        name = self.pick("last", True)
        if self.rng.random() < 0.06:
            name += self.rng.choice(["-", " "]) + self.pick("last", True)
        if self.lang in ("nl", "de", "it", "pt", "fr") and self.rng.random() < 0.08:
            name = {"nl": "van der ", "de": "von ", "it": "De ", "pt": "da ", "fr": "de "}[self.lang] + name
        return name

    def name_text(self):
        rng, first, last = self.rng, self.first_text(), self.last_text()
        form = rng.random()
        if form < 0.72:
            return f"{first} {last}"
        if form < 0.80:
            return f"{first} {rng.choice(string.ascii_uppercase)}. {last}"
        if form < 0.86:
            return f"{first} {self.first_text()} {last}"
        if form < 0.92:
            return f"{first[0]}. {last}"
        return first if form < 0.95 else f"{first} {last} {rng.choice(['Jr.', 'III', self.last_text()])}"

    def s_name(self): return self.name_text(), "PERSON"
    def s_first(self): return self.first_text(), "PERSON"
    def s_last(self): return self.last_text(), "PERSON"
    def s_namerev(self): return f"{self.last_text()}, {self.first_text()}", "PERSON"
    def s_initial(self): return f"{self.first_text()[0]}. {self.last_text()}", "PERSON"
    def s_title(self): return self.rng.choice(TITLES[self.lang].split()).replace("_", " "), "TITLE"
    def s_nrp(self): return self.rng.choice(NATIONS[self.lang].split()), "NRP"
    def s_city(self): return self.pick("city"), "LOCATION"
    def s_country(self): return self.pick("country"), "LOCATION"
    def s_zip(self): return self.home.fake.postcode(), "LOCATION"

    def s_street(self):
        street, number = self.pick("street"), self.rng.randint(1, 250)
        if self.lang == "en" or (self.lang == "fr" and self.rng.random() < 0.8):
            return f"{number} {street}", "LOCATION"
        tail = self.rng.choice(["", "", "", "a", "b", "/3", ", 2º B" if self.lang in ("es", "pt") else ""])
        return f"{street}{', ' if self.lang in ('es', 'it', 'pt') and self.rng.random() < 0.5 else ' '}{number}{tail}", "LOCATION"

    def word(self):
        return "".join(self.rng.sample(WORD_PARTS, self.rng.choice([2, 2, 3]))).capitalize()

    def fill(self, form):
        acronym = "".join(self.rng.choices(string.ascii_uppercase, k=self.rng.choice([3, 3, 4])))
        return form.format(c=self.pick("city"), l=self.pick("last"), f=self.pick("first"), w=self.word(), A=acronym,
                           m=self.rng.choice(MINISTRIES))

    def s_org(self):
        if self.rng.random() < 0.4:
            return self.pick("company"), "ORGANIZATION"
        return self.fill(self.rng.choice(BODIES)), "ORGANIZATION"

    def s_hospital(self): return self.fill(self.rng.choice(HOSPITALS[self.lang])), "ORGANIZATION"

    def date_text(self, years, lang=None, form=None):
        rng, lang = self.rng, lang or self.lang
        year, month, day = rng.randint(*years), rng.randint(1, 12), rng.randint(1, 28)
        name = MONTHS[lang].split()[month - 1]
        form = form or rng.choice(DATES[lang])
        return form.format(d=day, m=month, y=year, dd=f"{day:02}", mm=f"{month:02}", yy=f"{year % 100:02}", M=name, S=name[:3])

    def s_date(self): return self.date_text((1995, 2028)), "DATE_TIME"
    def s_dob(self): return self.date_text((1930, 2012)), "DATE_TIME"
    def s_isodob(self): return self.date_text((1930, 2012), form="{y}-{mm}-{dd}"), "DATE_TIME"
    def s_isodate(self): return self.date_text((2020, 2028), form="{y}-{mm}-{dd}"), "DATE_TIME"
    def s_isodate0(self): return self.date_text((2020, 2028), form="{y}-{mm}-{dd}"), None
    def s_month(self): return self.rng.choice(MONTHS[self.lang].split()), "DATE_TIME"
    def s_year(self): return str(self.rng.randint(1950, 2026)), "DATE_TIME"
    def s_age(self): return str(self.rng.randint(1, 99)), "AGE"
    def s_age_unit(self): return self.rng.choice(AGES[self.lang]).format(n=self.rng.randint(1, 99)), "AGE"
    def s_age_adj(self): return AGE_ADJECTIVES.get(self.lang, "{n}").format(n=self.rng.randint(18, 99)), "AGE"

    def s_user(self):
        rng, first, last = self.rng, self.first_text().lower().replace(" ", ""), self.last_text().lower().replace(" ", "")
        forms = [f"{first}.{last}", f"{first}{rng.randint(1, 999)}", f"{first[0]}{last}", f"{last}_{first}", f"{self.word().lower()}{rng.randint(1, 99)}",
                 f"{first}_{self.word().lower()}", f"x{self.word()}x", f"{self.word()}{last.capitalize()}", f"{first}{last}"]
        return rng.choice(forms), "USERNAME"

    def code(self, forms):
        form = self.rng.choice(forms)
        return "".join(self.rng.choice(string.digits) if c == "9" else self.rng.choice(string.ascii_uppercase) if c == "A" else c
                       for c in form)

    def s_cust(self): return self.code(["999999", "K-99999", "C99999999", "CUST-9999", "9999999", "AA-999-999", "KD99999", "CL/9999/99"]), "CUSTOMER_ID"
    def s_emp(self): return self.code(["E99999", "99999", "EMP-9999", "P-999999", "999999", "AA9999", "MA-99-999"]), "EMPLOYEE_ID"
    def s_mrn(self): return self.code(["9999999", "MRN-99999", "99999999", "H9999999", "99-99-99", "A99999", "999999"]), "MRN"
    def s_id(self): return self.code(["A99999999", "AA9999999", "999999999", "A99A99999", "99AA99999", "AAA999999", "99/9999/99", "AZ-999-99", "9999-9999-99"]), "ID"
    def s_phone(self): return self.home.fake.phone_number(), "PHONE_NUMBER"

    def s_email(self):
        import unicodedata
        local = f"{self.first_text()}.{self.last_text()}".lower().replace(" ", "")
        local = unicodedata.normalize("NFKD", local).encode("ascii", "ignore").decode() or "info"
        return f"{local}@{self.word().lower()}.{self.rng.choice(['com', 'de', 'fr', 'org', 'io', 'example'])}", "EMAIL_ADDRESS"

    def s_num(self): return str(self.rng.choice([self.rng.randint(0, 99), self.rng.randint(100, 99999), self.rng.randint(1, 9)])), None
    def s_uuid(self): return "-".join("".join(self.rng.choices("0123456789abcdef", k=k)) for k in (8, 4, 4, 4, 12)), None
    def s_sha(self): return "".join(self.rng.choices("0123456789abcdef", k=self.rng.choice([7, 12, 40, 64]))), None
    def s_ver(self): return f"{self.rng.randint(0, 20)}.{self.rng.randint(0, 30)}.{self.rng.randint(0, 12)}", None
    def s_money(self): return self.rng.choice(["{}.{:02} €", "${}.{:02}", "{}.{:02}", "EUR {},{:02}"]).format(self.rng.randint(1, 9999), self.rng.randint(0, 99)), None
    def s_ip(self): return ".".join(str(self.rng.randint(1, 254)) for _ in range(4)), None
    def s_clock(self): return f"{self.rng.randint(0, 23)}:{self.rng.randint(0, 59):02}", None
    def s_product(self): return self.rng.choice(PRODUCTS).format(n=self.rng.randint(1, 20)), None
    def s_lang_code(self): return self.rng.choice(LANGUAGES), None
    def s_sku(self): return self.code(["AA-9999", "A99", "AAA-99-A", "99999-A"]), None
    def s_func(self): return self.rng.choice(VERBS) + "_" + self.rng.choice(NOUNS), None
    def s_Camel(self): return (self.rng.choice(NOUNS) + " " + self.rng.choice(NOUNS)).title().replace(" ", ""), None

    def s_ts(self):
        date = self.date_text((2019, 2027), form="{y}-{mm}-{dd}")
        clock = f"{self.rng.randint(0, 23):02}:{self.rng.randint(0, 59):02}:{self.rng.randint(0, 59):02}"
        return self.rng.choice([f"{date}T{clock}Z", f"{date} {clock}", f"{date}T{clock}.{self.rng.randint(0, 999):03}Z"]), None
