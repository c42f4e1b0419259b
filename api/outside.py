"""What the outside sees of a noun: all of it but the integer keys, which stay inside, and bytes as text.

A route returns the frozen dataclass itself, annotated `Annotated[Patient, OUTSIDE]`; JSON and OpenAPI then leave out every
integer named `id`, `…_id`, `…_by` or `…_to`. There is no second class to keep in step.
"""

from typing import Any, Final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Outside:
    """Annotation of a dataclass that is sent."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Mark the integer keys as excluded from what is sent, and bytes as text in which what is not UTF-8 shows as U+FFFD."""
        schema = handler(source)
        dataclass = handler.resolve_ref_schema(schema)
        if dataclass["type"] != "dataclass":
            raise TypeError(f"{source!r} is not a dataclass")
        for field in dataclass["schema"].get("fields", ()):
            inner: Any = field["schema"]
            while "schema" in inner and inner["type"] in {"nullable", "default"}:
                inner = inner["schema"]
            if inner["type"] == "int" and (field["name"] == "id" or field["name"].endswith(("_id", "_by", "_to"))):
                field["serialization_exclude"] = True
            if inner["type"] == "bytes":
                inner["serialization"] = core_schema.plain_serializer_function_ser_schema(
                    _as_text, return_schema=core_schema.str_schema()
                )
        return schema


OUTSIDE: Final = Outside()


def _as_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
