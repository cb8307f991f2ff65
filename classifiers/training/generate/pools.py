"""Names, towns and streets of many countries, from Faker (MIT), and words that are not names.

`pool(locale)` holds the words of one locale, cut by a hash into those for training and those kept back,
so that what is measured on unseen templates is measured on unseen names as well.
"""

import functools
import hashlib

from faker import Faker

LOCALES = {
    "en": ["en_US", "en_GB", "en_IE", "en_IN", "en_AU", "en_NG", "en_PK", "en_KE"],
    "de": ["de_DE", "de_AT", "de_CH"],
    "fr": ["fr_FR", "fr_BE", "fr_CH"],
    "es": ["es_ES", "es_MX", "es_CO", "es_AR"],
    "it": ["it_IT"],
    "nl": ["nl_NL", "nl_BE"],
    "pl": ["pl_PL"],
    "pt": ["pt_PT", "pt_BR"],
}
# Names of people who live elsewhere than their name comes from: in Latin letters.
ABROAD = ["tr_TR", "sv_SE", "fi_FI", "ro_RO", "cs_CZ", "hr_HR", "da_DK", "no_NO", "hu_HU", "id_ID", "yo_NG",
          "tw_GH", "zu_ZA", "sk_SK", "sl_SI", "et_EE", "lt_LT", "lv_LV", "az_AZ", "vi_VN", "ga_IE", "ha_NG"]


def kept_back(word: str) -> bool:
    """Whether a value is for measuring only: one in ten."""
    return hashlib.sha256(b"value " + word.lower().encode()).digest()[0] < 26


class Pool:
    """The words of one locale."""

    def __init__(self, locale: str):
        self.fake = Faker(locale)
        self.fake.seed_instance(f"weir {locale}")
        self.first = sorted(set(self._many(self.fake.first_name, 1200)))
        self.last = sorted(set(self._many(self.fake.last_name, 1500)))
        self.city = sorted(set(self._many(self.fake.city, 1200)))
        self.street = sorted(set(self._many(self.fake.street_name, 500)))
        self.country = sorted(set(self._many(self.fake.country, 300)))
        self.company = sorted(set(self._many(self.fake.company, 500)))

    @staticmethod
    def _many(draw, count):
        return [" ".join(draw().split()) for _ in range(count)]

    def of(self, kind: str, unseen: bool) -> list[str]:
        return self._cut(kind, unseen)

    @functools.cache
    def _cut(self, kind, unseen):
        words = [word for word in getattr(self, kind) if kept_back(word) == unseen]
        return words or getattr(self, kind)


@functools.cache
def pool(locale: str) -> Pool:
    return Pool(locale)
