"""A module with a class of the same name as another's."""

from pydantic import BaseModel


class Item(BaseModel):
    """Its name is another model's in another module, too."""

    there: str
