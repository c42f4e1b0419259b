"""What the outside sees: every field but the integer keys, nested nouns too, and bytes as text."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import TypeAdapter

from api.outside import OUTSIDE


@dataclass(frozen=True)
class Thing:
    """A noun with keys."""

    id: int
    public_id: str
    owner_id: int | None
    marked_by: int
    nearby: str
    times: int = 1


@dataclass(frozen=True)
class Box:
    """A noun that holds another."""

    thing: Annotated[Thing, OUTSIDE]
    name: str


THING = Thing(1, "abc", None, 3, "x")
SEEN = {"public_id": "abc", "nearby": "x", "times": 1}


def test_integer_keys_stay_inside() -> None:
    assert TypeAdapter(Annotated[Thing, OUTSIDE]).dump_python(THING) == SEEN
    assert TypeAdapter(list[Annotated[Thing, OUTSIDE]]).dump_python([THING]) == [SEEN]
    assert TypeAdapter(Box).dump_python(Box(THING, "b")) == {"thing": SEEN, "name": "b"}


def test_the_description_leaves_them_out_too() -> None:
    schema = TypeAdapter(Annotated[Thing, OUTSIDE]).json_schema(mode="serialization")
    assert set(schema["properties"]) == set(SEEN)


def test_the_noun_itself_is_unchanged() -> None:
    TypeAdapter(Annotated[Thing, OUTSIDE])
    assert TypeAdapter(Thing).dump_python(THING)["id"] == 1


@dataclass(frozen=True)
class Letter:
    """A noun that keeps bytes."""

    payload: bytes
    seal: bytes | None = None


def test_bytes_are_sent_as_text_whatever_they_hold() -> None:
    letters = TypeAdapter(Annotated[Letter, OUTSIDE])
    assert letters.dump_json(Letter(b"{\xff\x00")) == '{"payload":"{\ufffd\\u0000","seal":null}'.encode()
    assert letters.json_schema(mode="serialization")["properties"]["payload"]["type"] == "string"
