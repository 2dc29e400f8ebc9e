"""Whether a word in s is a plural or a verb, in its sentence: "the waves", "a man waves".

The lexicons know which words can be both. Which of the two stands here, its neighbours say: rules
for the plain English of captions, in the order of a reader's own: what the word follows ("two",
"a man", "wearing", "who"), whether the clause still waits for its verb, what comes next ("waves to
the crowd", "waves crash"). Where they do not decide, the lexicon's own tag does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fiftyone_capviz.text.inflection import lemmas, penn_tag, singularize

_ONE = frozenset("a an one another each every".split())
_COUNTS = frozenset("two three four five six seven eight nine ten several many".split())
_SUBJECTS = frozenset("he she it who which that there what".split())
_CLAUSES = frozenset("while as when where because since until if before after than".split())
_PLURAL_VERBS = frozenset("are were have do".split())
_FINITE = frozenset("is was has does are were had can could will would may might must".split())
_FILLERS = frozenset("then also now just still never always quickly happily".split())
_ENDS = ".;:!?\n"
_MOSTLY_VERBS = frozenset(
    "attempts balances bends bites blows bounds chases chews crashes crawls cries dances dips "
    "dives dozes dribbles drives fights fishes flaps frolics grabs grins hides hikes hits jumps "
    "kisses lands leaps maneuvers moves paddles parasails peeks peers points pounces practices "
    "punches rides rolls rubs screams skates slides smiles smirks sprints squats stares stretches "
    "struggles surfs swings talks tosses touches traverses trots tugs wakeboards watches waterskis "
    "windsurfs winks works".split()
)
_MOSTLY_NOUNS = frozenset(
    "bears faces flops gauges handles leaves mans mirrors sinks tracks treats".split()
)
"""What captions mean by words that the lexicon, made of news, tags otherwise."""

Kind = Literal["start", "one", "any", "adjective", "noun", "plural", "subject", "verb",
               "participle", "preposition", "joint", "clause", "adverb", "other"]  # fmt: skip
_BY_TAG: tuple[tuple[str, Kind], ...] = (
    ("NNS", "plural"), ("NN", "noun"), ("PRP$", "any"), ("PRP", "subject"), ("DT", "any"),
    ("PDT", "any"), ("CD", "any"), ("JJ", "adjective"), ("VBG", "participle"),
    ("VBN", "participle"), ("VBD", "participle"), ("VB", "verb"), ("MD", "verb"),
    ("IN", "preposition"), ("TO", "preposition"), ("RP", "preposition"), ("RB", "adverb"),
    ("CC", "joint"), ("W", "clause"),
)  # fmt: skip


def can_be_both(form: str) -> bool:
    """Whether a lower-case word is the plural of a noun and a verb in the third person as well."""
    verb = form.endswith("s") and any(one != form for one in lemmas(form, "VERB"))
    return verb and singularize(form) != form


@dataclass
class _Clause:
    """What has been read of a clause.

    Attributes:
        awaited: finite verbs that are still to come; a relative clause adds one.
        opened: how the noun phrase that stands last began: "one", "any", or nothing.
        before: what stands before the word.
        governed: the noun phrase hangs on a preposition or a participle: it is no subject.
        joined: what stands before the last "and" or comma.
        counted: the noun phrase says how many, and its plural has not come yet.
    """

    awaited: int = 1
    opened: Kind = "start"
    before: Kind = "start"
    governed: bool = False
    joined: Kind = "start"
    counted: bool = False


def verbs_among(forms: Sequence[str], gaps: Sequence[str]) -> frozenset[int]:
    """Positions of the words that are verbs although they could be plurals.

    Args:
        forms: the words of a text in lower case, stop words among them.
        gaps: as many: the characters between the word before and this one.
    """
    if not any(map(can_be_both, forms)):
        return frozenset()
    found = set()
    clause = _Clause()
    for place, form in enumerate(forms):
        if any(end in gaps[place] for end in _ENDS):
            clause = _Clause()
        elif "," in gaps[place]:
            _read(clause, "joint")
        kind = _kind(form)
        if can_be_both(form):
            last = place + 1 == len(forms) or any(end in gaps[place + 1] for end in _ENDS)
            kind = _decided(clause, form, "" if last else forms[place + 1])
            if kind == "verb":
                found.add(place)
        _read(clause, kind, form)
    return frozenset(found)


def _kind(form: str) -> Kind:
    if form in _ONE:
        return "one"
    if form in _SUBJECTS:
        return "subject"
    if form in _CLAUSES:
        return "clause"
    if form in _FINITE:
        return "verb"
    if form in _FILLERS:
        return "adverb"
    if form[:1].isdigit():
        return "any"
    if form.endswith("s") and lemmas(form, "VERB") and not lemmas(form, "NOUN"):
        return "plural" if singularize(form) != form else "verb"
    if form.endswith("ing") and lemmas(form, "VERB"):
        return "participle"
    tag = penn_tag(form)
    if tag in ("NN", "JJ") and form.endswith("s") and singularize(form) != form:
        return "plural"
    return next((kind for start, kind in _BY_TAG if tag.startswith(start)), "other")


def _read(clause: _Clause, kind: Kind, form: str = "") -> None:
    """Take a word into account, whose kind is known."""
    counts = form in _COUNTS or form.isdigit()
    clause.counted = counts or (clause.counted and kind in ("noun", "adjective", "any"))
    if kind == "joint":
        clause.joined = clause.before
    if kind in ("one", "any"):
        # "... and the woman ...": a clause of its own may begin here.
        if clause.before == "joint":
            clause.awaited, clause.governed = max(clause.awaited, 1), False
        clause.opened = kind
    elif kind == "participle" and clause.before in ("one", "any", "adjective"):
        kind = "adjective"  # "a smiling girl"
    elif kind in ("preposition", "participle"):
        clause.opened, clause.governed = "start", True
    elif kind == "verb":
        clause.awaited = max(clause.awaited - 1, 0)
        clause.opened, clause.governed = "start", True
    elif kind == "subject" and form in ("who", "which", "that"):
        clause.awaited, clause.opened, clause.governed = clause.awaited + 1, "start", False
    elif kind in ("subject", "clause"):
        clause.awaited, clause.opened, clause.governed = max(clause.awaited, 1), "start", False
    elif kind == "joint":
        clause.opened = "start"
    clause.before = kind


def _leans(form: str) -> bool:
    """Whether a word is a verb more often than a plural."""
    if form in _MOSTLY_VERBS or form in _MOSTLY_NOUNS:
        return form in _MOSTLY_VERBS
    return penn_tag(form) == "VBZ"


def _decided(clause: _Clause, form: str, follows: str) -> Kind:
    """ "verb" or "plural", by what stands before the word and after it."""
    before, after = clause.before, _kind(follows) if follows else "start"
    leans, has_object = _leans(form), after in ("one", "any")
    if before == "subject":
        return "verb"
    if before == "participle" or not (clause.awaited or before in ("adverb", "joint")):
        return "plural"
    if before in ("one", "any", "preposition", "verb"):
        # "one jumps over the other", but "the jumps"
        alone = before == "one" and leans and after not in ("noun", "plural")
        return "verb" if alone else "plural"
    if before in ("noun", "adjective") and clause.opened == "one":
        # One thing cannot be several: "a man waves"; but "a red sports car".
        compound = before == "adjective" and after in ("noun", "plural")
        return "plural" if compound else "verb"
    if before == "noun" and clause.counted:
        return "plural"  # "two fire trucks": several are counted, and none has come yet
    if before == "joint":
        # "sits and waits", "rocks and waves": the second is what the first was.
        listed = clause.awaited and clause.joined in ("plural", "adjective")
        return "verb" if has_object or (leans and not listed) else "plural"
    if before in ("start", "clause"):
        return "verb" if has_object else "plural"
    if before == "noun" and not clause.governed:
        crash = not leans and after == "noun" and follows in lemmas(follows, "VERB")
        return "plural" if crash or after == "verb" or follows in _PLURAL_VERBS else "verb"
    if before == "adjective" and not clause.governed:
        return "plural"
    return "verb" if leans or has_object else "plural"
