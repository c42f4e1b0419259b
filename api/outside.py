"""What the outside sees of a noun: all of it but the integer keys, which stay inside.

A route returns the frozen dataclass itself, annotated `Annotated[Patient, NO_KEYS]`; JSON and OpenAPI then leave out every
integer named `id`, `…_id` or `…_by`. There is no second class to keep in step.
"""

from typing import Any, Final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema


class NoKeys:
    """Annotation of a dataclass whose integer keys are not sent."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Mark the integer keys as excluded from what is sent."""
        schema = handler(source)
        dataclass = handler.resolve_ref_schema(schema)
        if dataclass["type"] != "dataclass":
            raise TypeError(f"{source!r} is not a dataclass")
        for field in dataclass["schema"].get("fields", ()):
            if _is_key(field["name"], field["schema"]):
                field["serialization_exclude"] = True
        return schema


NO_KEYS: Final = NoKeys()


def _is_key(name: str, schema: Any) -> bool:
    while "schema" in schema and schema["type"] in {"nullable", "default"}:
        schema = schema["schema"]
    return schema["type"] == "int" and (name == "id" or name.endswith(("_id", "_by")))
