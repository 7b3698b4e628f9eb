"""The TypeScript of the documents compiles, with the client of the application beside it."""

import re
from types import ModuleType

from nodejs import REPOSITORY, Project

from jararaca import create_http_server
from jararaca.typescript.collect import collect
from jararaca.typescript.render import render
from jararaca.typescript.render_query import render_query

PAGE = REPOSITORY / "docs/typescript.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def test_the_blocks_of_the_page_compile_one_after_the_other(project: Project) -> None:
    [declaration] = blocks("python file=shop.py")
    module = ModuleType("shop")
    exec(declaration, module.__dict__)
    client = collect(create_http_server(module.app))
    files = {
        "shop.ts": render(client),
        "shop.query.ts": render_query(client, client_module="./shop.js"),
        "page.tsx": "\n".join(blocks("typescript")),
    }

    assert project.check(files, jsx="react-jsx", skipLibCheck=True) == []
