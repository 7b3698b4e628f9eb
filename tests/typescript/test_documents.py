"""The TypeScript of the documents compiles, with the client of the application beside it."""

from types import ModuleType

from nodejs import Project, blocks, documented

from jararaca import create_http_server
from jararaca.typescript.collect import collect
from jararaca.typescript.render import render
from jararaca.typescript.render_query import render_query


def test_the_blocks_of_the_page_compile_one_after_the_other(project: Project) -> None:
    declaration = documented("shop.py")
    module = ModuleType("shop")
    exec(declaration, module.__dict__)
    client = collect(create_http_server(module.app))
    files = {
        "shop.ts": render(client),
        "shop.query.ts": render_query(client, client_module="./shop.js"),
        "page.tsx": "\n".join(blocks("typescript")),
        "node-backend.ts": documented("node-backend.ts"),
    }

    assert project.check(files, jsx="react-jsx", types=["node"], skipLibCheck=True) == []
