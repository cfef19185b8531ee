"""What a coverage says of itself: whose it is, which product, which state. Pure; the payer is data (one TOML)."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Generic, TypeVar

from cds_service.concepts import Product
from cds_service.facts import Coverage

Words = tuple[str, ...]
T = TypeVar("T")
# HIOS plan id: five-digit issuer, state, seven digits, and a two-digit variant that may be there.
PLAN_ID = re.compile(r"(?<![0-9A-Z])(?P<issuer>\d{5})(?P<state>[A-Z]{2})\d{7}(?:-?\d{2})?(?![0-9A-Z])")
# Contract number of a Medicare Advantage organization, alone or with its plan: H local, R regional, S drugs alone.
_MEDICARE_CONTRACT = re.compile(r"h\d{4}")
_CONTRACT_OF_PROGRAM = {"h": Product.MEDICARE, "r": Product.MEDICARE, "s": Product.MEDICARE_PART_D}
_CONTRACT_SHAPE, _PLAN_OF_CONTRACT = re.compile(r"[hrs]\d{4}"), re.compile(r"\d{3}")
# How much a product's name says: the names of the highest rank that a coverage has decide.
_RANKS = {"weak": 0, "part": 1, "usual": 2, "beside": 3}
_WORD = re.compile(r"[^\W_]+")
_MARKS = str.maketrans(dict.fromkeys("™®℠©", " "))
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Identity:
    """What a coverage says of itself.

    `payer`: True the payer's own, False another one's, None nobody knows. `products`: all that it is of; `named`: those
    that it names in words or by its type, not by a plan id or a brand alone. `state`: of the plan, None when the
    coverage does not say. `pays_after`: it never pays first beside another. `implies`: it is only there beside a
    coverage of the payer's.
    """

    payer: bool | None
    products: frozenset[Product]
    named: frozenset[Product]
    state: str | None
    pays_after: bool = False
    implies: bool = False


def identify(coverage: Coverage, payer: Payer, identifiers: Iterable[str] = ()) -> Identity:
    """What a coverage says of itself, held against one payer; `identifiers`: more of the payer's, from the settings."""
    plans = [
        shape
        for text in (*coverage.plan_ids, *coverage.plan_texts)
        for shape in PLAN_ID.finditer(text.upper()[:_LONGEST])
    ]
    texts = [*coverage.payer_names, *coverage.plan_texts]
    named = payer.named_products(coverage)
    products = named | payer.brand_products(texts) | ({Product.MARKETPLACE} if plans else set())
    of_program = bool(payer.program & named)
    implies = bool(products & payer.implied_by) and not of_program
    is_payer: bool | None = of_program or (None if implies else False)
    if not (payer.program and named):  # a program is told by what a coverage names, else by its payer
        is_payer = payer.is_payer(coverage, {plan["issuer"] for plan in plans}, frozenset(identifiers))
    aside = bool(products) and products <= payer.pays_after
    return Identity(
        payer=is_payer,
        products=frozenset(products),
        named=frozenset(named),
        state=plans[0]["state"] if plans else payer.state_in(texts),
        pays_after=aside or (of_program and (coverage.pays_second or payer.says_second(texts))),
        implies=implies,
    )


class _NameIndex(Generic[T]):
    """Names by their first word, so that a text is looked through once, however many names there are."""

    def __init__(self, names: Iterable[tuple[Words, T]], negations: frozenset[str]) -> None:
        """`names` with what each stands for; `negations`: words before a name that turn it round."""
        self._by_first: dict[str, list[tuple[Words, T]]] = {}
        for name, value in names:
            self._by_first.setdefault(name[0], []).append((name, value))
        self._negations = negations

    def values_in(self, words: Words) -> Iterator[T]:
        """What the names stand for that are among these words, unless a negation stands before them."""
        for at in [at for at, word in enumerate(words) if word in self._by_first]:
            for name, value in self._by_first[words[at]]:
                if words[at : at + len(name)] == name and not (at and words[at - 1] in self._negations):
                    yield value


class Payer:
    """A payer as its TOML tells."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """`data`: the TOML, read."""
        self.name: str = data["name"]
        self._names = [words_of(name) for name in data["names"]]
        self._split = [words_of(name) for name in data.get("split_names", ())]
        self._issuers = frozenset(data.get("issuers", ()))
        self._look_alikes = [words_of(row["name"]) for row in data.get("look_alike", ())]
        self._brands = [(words_of(row["name"]), row.get("state"), row.get("product")) for row in data.get("brand", ())]
        self._states = {code: words_of(name) for code, name in data.get("states", {}).get("names", {}).items()}
        places = {word for name in self._states.values() for word in name} | {code.casefold() for code in self._states}
        self._before_split = places | set(data.get("before_split", ()))
        # Names with what each stands for and how much it says.
        self.product_names = [
            (words_of(name), (Product(row["product"]), _RANKS[row.get("rank", "weak" if row.get("weak") else "usual")]))
            for row in data.get("product", ())
            for name in row["names"]
        ]
        self.program, self.pays_after, self.implied_by = (
            frozenset(map(Product, data.get(key, ()))) for key in ("program", "pays_after", "implied_by")
        )
        self._identifiers = frozenset(data.get("identifiers", ()))
        self._agency = [words_of(name) for name in data.get("agency", ())]
        self._run_by_program = [words_of(name) for name in data.get("run_by_program", ())]
        self._secondary = [words_of(name) for name in data.get("secondary", ())]
        self._negations = frozenset(data.get("words", {}).get("negations", ()))
        self._nobody = frozenset(data.get("words", {}).get("nobody", ()))
        self._product_index = _NameIndex(self.product_names, self._negations)
        brands = [(name, (state, product)) for name, state, product in self._brands]
        self._brand_index = _NameIndex(brands, self._negations)
        states = [(name, code) for code, name in self._states.items()]
        self._state_index = _NameIndex(states, self._negations)

    def is_payer(self, coverage: Coverage, issuers: set[str], identifiers: frozenset[str]) -> bool | None:
        """True: this payer's; False: another one's; None: nothing says, or name and plan contradict each other."""
        names = [words for words in map(words_of, coverage.payer_names) if set(words) - self._nobody]
        if coverage.payer_identifiers & (identifiers | self._identifiers):
            return True
        if any(self._names_payer(words) for words in names):
            return True
        by_plan = bool(issuers & self._issuers) or any(map(self._names_payer, map(words_of, coverage.plan_texts)))
        if names:
            return None if by_plan else False
        return True if by_plan else None

    def _names_payer(self, words: Words) -> bool:
        if any(self._has(words, other) for other in self._look_alikes):
            return False
        if any(self._has(words, name) for name in self._names):
            return True
        return any(set(words[:at]) <= self._before_split for name in self._split for at in self._places(words, name))

    def named_products(self, coverage: Coverage) -> frozenset[Product]:
        """Products that a coverage names: in words, by a contract's number, by the codes of its type.

        Only the names of the highest rank count: a metal level where no other product is named, a part of a program
        where the program is not named with all of its parts. A code that says a program says it of its parts too.
        """
        ranked: dict[int, set[Product]] = {}
        texts = [*coverage.payer_names, *coverage.plan_texts]
        for words in map(self._without_agency, map(words_of, [*texts, *coverage.other_texts])):
            for product, rank in self._product_index.values_in(words):
                ranked.setdefault(rank, set()).add(product)
            if not self.program and any(_MEDICARE_CONTRACT.fullmatch(word) for word in words):
                ranked.setdefault(_RANKS["usual"], set()).add(Product.MEDICARE)
        for product in self._contracts_in(texts):
            ranked.setdefault(_RANKS["usual"], set()).add(product)
        in_words = ranked[max(ranked)] if ranked else set()
        is_part = bool(in_words) and in_words <= self.implied_by
        named = frozenset(in_words | (coverage.products - self.program if is_part else coverage.products))
        both = {Product.MEDICARE, Product.MEDICAID} if self.program and Product.DUAL in named else set()
        return named - both

    def is_run_by_program(self, coverage: Coverage) -> bool:
        """Whether a coverage is the program's own and no insurer's plan, by its words."""
        texts = [*coverage.payer_names, *coverage.plan_texts]
        if any(True for _ in self._contracts_in(texts)):
            return False
        words = [self._without_agency(words_of(text)) for text in texts]
        if any(self._has(each, name) for each in words for name in self._run_by_program):
            return True
        return bool(words) and all(each in self._names for each in words)

    def says_second(self, texts: Sequence[str]) -> bool:
        """Whether words say that another plan pays before this program."""
        return any(self._has(words, name) for words in map(words_of, texts) for name in self._secondary)

    def _without_agency(self, words: Words) -> Words:
        """The words of a text with the program in place of the agency that runs it."""
        for name in self._agency:
            for at in self._places(words, name):
                return (*words[:at], "medicare", *words[at + len(name) :])
        return words

    def _contracts_in(self, texts: Sequence[str]) -> Iterator[Product]:
        """Products of contract numbers with their plan (H1234-001), for a program that is told by them.

        A number alone may be anything else.
        """
        for words in map(words_of, texts if self.program else ()):
            for contract, plan in pairwise(words):
                if _CONTRACT_SHAPE.fullmatch(contract) and _PLAN_OF_CONTRACT.fullmatch(plan):
                    yield _CONTRACT_OF_PROGRAM[contract[0]]

    def brand_products(self, texts: Sequence[str]) -> frozenset[Product]:
        """Products that a joint brand stands for."""
        return frozenset(Product(product) for _, product in self._brands_in(texts) if product)

    def _brands_in(self, texts: Sequence[str]) -> Iterator[tuple[str | None, str | None]]:
        for words in map(words_of, texts):
            yield from self._brand_index.values_in(words)

    def state_in(self, texts: Sequence[str]) -> str | None:
        """The one state that the names say; None where they say none, or several."""
        found = {state for state, _ in self._brands_in(texts) if state}
        for text in texts:
            words = words_of(text)
            found.update(self._state_index.values_in(words))
            found |= {word for word in _codes_in(text) if word in self._states}
        return found.pop() if len(found) == 1 else None

    def _has(self, words: Words, name: Words) -> bool:
        return name[0] in words and any(True for _ in self._places(words, name))

    def _places(self, words: Words, name: Words) -> Iterator[int]:
        """Where a name stands among words, unless a negation stands before it."""
        at = -1
        for _ in range(words.count(name[0])):
            at = words.index(name[0], at + 1)
            if words[at : at + len(name)] == name and not (at and words[at - 1] in self._negations):
                yield at


def words_of(text: str) -> Words:
    """The words of a name: case, punctuation and trade marks do not count."""
    return _words_of_short(text[:_LONGEST])


# The texts of one coverage are looked through several times, for each payer.
@lru_cache(maxsize=128)
def _words_of_short(text: str) -> Words:
    plain = unicodedata.normalize("NFKC", text.translate(_MARKS))
    return tuple(_WORD.findall(plain.casefold()))


def _codes_in(text: str) -> Iterator[str]:
    """Words of two capitals. IN is also a word: in a text of capitals it is a state only at an end."""
    words = _WORD.findall(text[:_LONGEST])
    shouted = all(word.isupper() or not word.isalpha() for word in words)
    for at, word in enumerate(words):
        if len(word) == 2 and word.isupper() and (word != "IN" or not shouted or at in (0, len(words) - 1)):
            yield word


_OWN_FILES: dict[str, Payer] = {}


def payer_named(name: str, data: Mapping[str, Any] | None = None) -> Payer:
    """A payer by its id, which is the name of its TOML here; `data`: the TOML's content, of one that is not here."""
    if data is not None:
        return Payer(data)
    if name not in _OWN_FILES:
        text = files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
        _OWN_FILES[name] = Payer(tomllib.loads(text))
    return _OWN_FILES[name]
