"""The application."""

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from jararaca import Microservice
from jararaca.presentation.http_microservice import HttpMicroservice, Lifespan
from kitchen.endpoints import Answers, Birds, Bodies, Items, Parameters, Secure
from kitchen.models import Item
from kitchen.sockets import Rooms

router = APIRouter(prefix="/plain")


@router.get("/items/{item_id}")
async def plain_item(item_id: int) -> Item:
    """A route of no controller, included from another router."""
    return Item(here=item_id)


def made(lifespan: Lifespan) -> FastAPI:
    """The FastAPI object, with routes that are not the declaration's."""
    app = FastAPI(title="kitchen", lifespan=lifespan)
    app.include_router(router, prefix="/outer")
    app.mount("/static", StaticFiles(directory="/", check_dir=False))
    return app


declared = Microservice(name="kitchen", controllers=[Bodies, Parameters, Answers, Secure, Items, Birds, Rooms])
app = HttpMicroservice(declared, made)
