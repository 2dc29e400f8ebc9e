"""Words of captions: spans, singulars, stop words, parts of speech, and text of any kind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from textblob.en.taggers import PatternTagger

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import CaptionWords
from fiftyone_capviz.text import words as words_module
from fiftyone_capviz.text.inflection import IRREGULAR, TAGS, UNCHANGED, part_of_speech, singularize
from fiftyone_capviz.text.nouns import NOUNS
from fiftyone_capviz.text.words import (
    caption_words,
    stop_word_source,
    stop_words,
    tokenize,
    words_of_corpus,
)

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The first word loads the lexicon, which takes seconds on a busy machine."""

ODD_TEXTS = st.one_of(
    st.text(),
    st.text(alphabet="ab sS'’-–._$€,15/é\u0301\u200d\u00ad\ufe0f中文😀👍\U0001f3fdİßﬁ<>&;\n"),
    st.lists(
        st.sampled_from(
            "a man's men dogs U.S. the isn't grass.The 50$ $where t-shirt glasses 😀 一个男人 "
            "&nbsp; <b>red</b> ﬁsh 🇫🇷🇩🇪 __x__".split()
        )
    ).map(" ".join),
)


@pytest.fixture(scope="module")
def captions(shared_data: Path) -> list[str]:
    lines = (shared_data / "captions" / "flickr8k.token.txt").read_text(encoding="utf-8")
    return [line.split("\t")[1] for line in lines.splitlines()]


def words_of(text: str) -> tuple[str, ...]:
    return caption_words(text).words


@UNHURRIED
@given(ODD_TEXTS)
def test_tokens_are_slices_of_the_text_in_order(text: str) -> None:
    end = 0
    for token in tokenize(text):
        assert text[token.start : token.end] == token.text
        assert token.text
        assert token.start >= end
        assert not any(character.isspace() for character in token.text)
        end = token.end


@UNHURRIED
@given(st.text(alphabet=st.characters(codec="ascii")))
def test_ascii_and_unicode_patterns_cut_ascii_text_alike(text: str) -> None:
    with_accent = f"{text} é"
    expected = [token for token in tokenize(with_accent) if token.end <= len(text)]
    assert tokenize(text) == expected


@UNHURRIED
@given(ODD_TEXTS)
@example("İ İ")
@example("\ud800 dog")
def test_words_are_unique_content_words_whose_spans_lead_back_to_them(text: str) -> None:
    found = caption_words(text)
    assert len(set(found.words)) == len(found.words)
    assert set(found.tags) <= set(TAGS)
    assert not set(found.words) & stop_words()
    firsts = [spans[0] for spans in found.spans]
    assert firsts == sorted(firsts)
    for word, spans in zip(found.words, found.spans, strict=True):
        assert list(spans) == sorted(set(spans))
        for start, end in spans:
            (alone,) = words_of(text[start:end])
            assert alone in (word, singularize(word))  # alone, what can be a noun is one
    word_tokens = [token for token in tokenize(text) if words_of(token.text)]
    assert sum(map(len, found.spans)) == len(word_tokens)
    for word in found.words:
        word.encode("utf-8")  # no half of a surrogate pair, which no database would take


@UNHURRIED
@given(ODD_TEXTS)
def test_normal_forms_do_not_depend_on_case(text: str) -> None:
    if text.isascii():
        upper = caption_words(text.upper().replace(".", " "))
        lower = caption_words(text.lower().replace(".", " "))
        assert upper == lower


@UNHURRIED
@given(st.lists(st.one_of(st.none(), ODD_TEXTS), max_size=8))
def test_a_corpus_is_its_captions_one_by_one(texts: list[str | None]) -> None:
    assert words_of_corpus(texts * 2) == [caption_words(text) for text in texts * 2]


@pytest.mark.parametrize(
    "text", [None, "", " \n", "the of and is", "!?… — ()", "'s n't isn't it's"]
)
def test_nothing_to_say_gives_no_words(text: str | None) -> None:
    assert caption_words(text) == CaptionWords((), (), ())


@pytest.mark.parametrize("value", [3, float("nan"), b"dog", ["a dog"]])
def test_other_values_are_refused_with_a_remedy(value: object) -> None:
    with pytest.raises(InputError, match=r"must be text or None; got .*Choose a string field"):
        caption_words(value)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        words_of_corpus([value])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The man's dogs' BALL", "man dog ball"),
        ("the man’s hat", "man hat"),
        ("'quoted' “red” hat", "quoted red hat"),
        ("a man in the U.S. army", "man u.s. army"),
        ("$where is $5 or 50$", "$where $5 50$"),
        ("1,000 birds, 3.5 miles", "1,000 bird 3.5 mile"),
        ("on green grass.The dog runs", "green grass dog runs"),
        ("red example.com", "red example.com"),
        ("t-shirt, black-and-white; up–down", "t-shirt black-and-white"),
        ("<b>red</b>&nbsp;hat", "b red nbsp hat"),
        ("一个男人戴着帽子", "一个男人戴着帽子"),
        ("fire😀👍🏽🇫🇷❤️", "fire 😀 👍🏽 🇫🇷 ❤"),
        ("café cafe\u0301 CAFÉS", "café"),
        ("हिन्दी ไทย", "हिन्दी ไทย"),
        ("ﬁsh ＤＯＧ snow\u00adman", "fish dog snowman"),
        ("__x_y__ rock'n'roll", "x_y rock'n'roll"),
        ("he can't, won't, they're", ""),
        ("t - shirt", "shirt"),
    ],
)
def test_text_of_many_kinds(text: str, expected: str) -> None:
    assert " ".join(words_of(text)) == expected


def test_words_without_latin_letters_are_of_class_other() -> None:
    found = caption_words("一个男人 😀 7 двое red hat")
    assert dict(zip(found.words, found.tags, strict=True)) == {
        "一个男人": "other",
        "😀": "other",
        "7": "other",
        "двое": "other",
        "red": "adjective",
        "hat": "noun",
    }


def test_spans_leave_the_possessive_out_and_gather_repeats() -> None:
    text = "A man's hat, the men and a Man"
    found = caption_words(text)
    assert found.words == ("man", "hat")
    assert found.spans[0] == ((2, 5), (17, 20), (27, 30))


SINGULAR = (
    "grass dress bus boss tennis glass class moss chess mess brass kiss harness fitness business "
    "gas lens canvas atlas iris cactus octopus virus campus walrus asparagus series species news "
    "christmas texas vegas paris jesus corps debris chassis swiss glasses sunglasses jeans pants "
    "shorts clothes scissors binoculars goggles woods sheep fish deer data media specimen omen "
    "pasta pizza santa opera is has was this his its as us does wears sits always "
    "perhaps across towards various serious ramen physics gymnastics"
)


@pytest.mark.parametrize("word", SINGULAR.split())
def test_what_is_no_plural_stays(word: str) -> None:
    assert singularize(word) == word


@pytest.mark.parametrize(
    ("plural", "single"),
    [
        pair.split(":")
        for pair in (
            "dogs:dog rocks:rock wolves:wolf knives:knife leaves:leaf scarves:scarf hooves:hoof "
            "calves:calf shelves:shelf thieves:thief gloves:glove waves:wave olives:olive "
            "buses:bus dresses:dress boxes:box dishes:dish watches:watch bushes:bush horses:horse "
            "houses:house classes:class noses:nose bases:base faces:face vases:vase lenses:lens "
            "shoes:shoe toes:toe ties:tie pies:pie cookies:cookie movies:movie skies:sky "
            "hoodies:hoodie babies:baby puppies:puppy skis:ski taxis:taxi bikinis:bikini "
            "men:man women:woman firemen:fireman snowmen:snowman children:child people:person "
            "feet:foot teeth:tooth geese:goose mice:mouse umbrellas:umbrella pandas:panda "
            "potatoes:potato pianos:piano heroes:hero t-shirts:t-shirt ears:ear stares:stare "
            "bears:bear tracks:track kimonos:kimono outfits:outfit tutus:tutu "
            "cafés:café abuses:abuse runs:run waves:wave lies:lie oboes:oboe crises:crisis "
            "oases:oasis lice:louse brownies:brownie logs:log bars:bar selfies:selfie "
            "policewomen:policewoman tennis:tennis atvs:atv"
        ).split()
    ],
)
def test_plurals_become_singular(plural: str, single: str) -> None:
    assert singularize(plural) == single


def test_a_singular_is_a_known_word(captions: list[str]) -> None:
    """No non-word (browny, obo, lic): the word itself, or one of the table or of our lists."""
    from lemminflect import getAllLemmas

    listed = NOUNS | set(IRREGULAR.values())
    tokens = {token.text.lower() for text in captions for token in tokenize(text)}
    changed = {token: singularize(token) for token in tokens if singularize(token) != token}
    unknown = {
        token: single
        for token, single in changed.items()
        if not getAllLemmas(single.rpartition("-")[2]) and single.rpartition("-")[2] not in listed
    }
    assert not unknown
    assert len(changed) > 900 or len(captions) < 40_000


def test_plurals_that_users_met(shared_data: Path) -> None:
    lines = (shared_data / "field" / "plurals.txt").read_text(encoding="utf-8").split()
    wrong = {line for line in lines if singularize(line.split(":")[0]) != line.split(":")[1]}
    assert len(wrong) <= 0.03 * len(lines), wrong


def test_singularising_twice_changes_nothing_more(captions: list[str]) -> None:
    tokens = {token.text.lower() for text in captions[::4] for token in tokenize(text)}
    for word in [*tokens, *IRREGULAR, *UNCHANGED]:
        assert singularize(singularize(word)) == singularize(word)


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        ("dog", "noun"),
        ("sunglasses", "noun"),
        ("wears", "verb"),
        ("holding", "verb"),
        ("red", "adjective"),
        ("asian", "adjective"),
        ("two", "other"),
        ("always", "other"),
        ("t-shirt", "noun"),
        ("frisbee", "noun"),
        ("zorgle", "noun"),
    ],
)
def test_parts_of_speech(word: str, tag: str) -> None:
    assert part_of_speech(word) == tag


def test_word_by_word_tags_are_those_of_the_tagger_on_the_sentence(captions: list[str]) -> None:
    """The reference: PatternTagger on whole captions, known capitalised words capitalised."""
    from textblob.en import parser

    len(parser.lexicon)
    parts = {"NN": "noun", "VB": "verb", "MD": "verb", "JJ": "adjective"}
    tagger, compared = PatternTagger(), 0
    for text in captions[::97]:
        tokens = [token.text.lower() for token in tokenize(text)]
        tokens = [
            one if one in parser.lexicon or one.title() not in parser.lexicon else one.title()
            for one in tokens
        ]
        tagged = tagger.tag(" ".join(tokens), tokenize=False)
        assert [one for one, _ in tagged] == tokens
        for token, penn in tagged:
            if "-" not in token:
                assert part_of_speech(token.lower()) == parts.get(penn[:2], "other"), token
                compared += 1
    assert compared > 3000 or len(captions) < 40_000


def test_both_stop_lists_keep_what_a_picture_shows() -> None:
    for word in "fire front back top bottom side two three empty thin".split():
        assert word not in stop_words()
    assert {"the", "a", "is", "has", "his", "their", "s", "t"} <= stop_words()
    assert stop_word_source() in ("nltk", "scikit-learn")


PROBE = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("network access")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from fiftyone_capviz.text.words import caption_words, stop_word_source, stop_words
print(stop_word_source(), len(stop_words()), *caption_words("the man isn't near two fires").words)
"""


@pytest.mark.parametrize("corpus", ["absent", "corrupt", "real"])
def test_stop_words_come_from_nltk_or_else_from_scikit_learn(
    corpus: str, tmp_path: Path, request: pytest.FixtureRequest, repository: Path
) -> None:
    data = tmp_path
    if corpus == "real":
        data = request.getfixturevalue("shared_data") / "nltk_data"
    elif corpus == "corrupt":
        (tmp_path / "corpora").mkdir()
        (tmp_path / "corpora" / "stopwords.zip").write_bytes(b"PK no zip")
    home = {"HOME": str(tmp_path), "NLTK_DATA": str(data)}
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=repository,
        env={**os.environ, **home},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    source, count, *found = done.stdout.split()
    if corpus == "real":
        assert source == "nltk"
    else:
        # A corpus installed on the machine itself is as good.
        assert source in ("nltk", "scikit-learn")
    assert int(count) > 150
    assert found == ["man", "near", "two", "fire"]


def test_importing_words_loads_neither_nltk_nor_textblob(repository: Path) -> None:
    code = (
        "import sys, fiftyone_capviz.text.words; "
        "print({'nltk', 'textblob', 'lemminflect'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, cwd=repository
    )
    assert done.stdout.strip() == "set()", done.stderr


def test_real_captions(captions: list[str]) -> None:
    found = words_of_corpus(captions)
    assert len(found) == len(captions)
    counts = Counter(word for one in found for word in one.words)
    for word in "dog man person woman grass dress tennis sunglasses snow frisbee".split():
        assert counts[word] > 100, word
    for wrong in "dres tenni bu bos sunglass men women people's ha wa".split():
        assert counts[wrong] == 0, wrong
    assert sum(not one.words for one in found) < 10


@UNHURRIED
@given(st.sampled_from(["a", "'", "-", ".", "a.", "a-", "中", "😀", "\u200d", "$", "_", "1,000"]))
def test_long_runs_take_linear_time(piece: str) -> None:
    caption_words(piece * 20_000)


def test_names_are_the_promised_ones() -> None:
    assert all(hasattr(words_module, name) for name in words_module.__all__)
