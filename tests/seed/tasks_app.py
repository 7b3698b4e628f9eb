"""The application that the user's specification describes: its snippets, with the imports and models they leave out."""

import asyncio
import random
import socket
from uuid import UUID, uuid4

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel
from sqlalchemy.orm import Mapped

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    CRUDOperations,
    Delete,
    Get,
    Identifiable,
    IdentifiableEntity,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Post,
    ProviderSpec,
    RestController,
    ScheduledAction,
    Token,
    WebSocketEndpoint,
    use_publisher,
    use_session,
    use_ws_manager,
)

TaskId = UUID


class TaskSchema(BaseModel):
    name: str


class TaskEntity(IdentifiableEntity):
    __tablename__ = "seed_tasks"

    name: Mapped[str]


class AppConfig(BaseModel):
    hostname: str = "localhost"

    @classmethod
    def provider(cls) -> "AppConfig":
        return cls(hostname=socket.gethostname())


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def increment(self) -> None:
        self.count += 1

    def decrement(self) -> None:
        self.count -= 1


counter = Counter()


def generate_random_name() -> str:
    return f"task-{random.randint(1, 1_000_000)}"


@MessageBusController()
@RestController("/tasks")
class TasksController:
    def __init__(self, config: AppConfig) -> None:
        self.hostname = config.hostname
        self.tasks_crud = CRUDOperations(TaskEntity, use_session)

    @Get("/")
    async def get_tasks(self) -> list[TaskSchema]:
        return []

    @Post("/")
    async def create_task(self, task: TaskSchema) -> Identifiable[TaskSchema]:
        return (await self.tasks_crud.create(task)).to_identifiable(TaskSchema)

    @Delete("/{task_id}")
    async def delete_task(self, task_id: TaskId) -> None:
        await self.tasks_crud.delete_by_id(task_id)

        await use_ws_manager().broadcast(("Task %s deleted" % task_id).encode())

    @IncomingHandler("task")
    async def process_task(self, message: Message[Identifiable[TaskSchema]]) -> None:
        name = generate_random_name()
        now = asyncio.get_event_loop().time()
        print("Processing task: ", name)

        task = message.payload()

        print("Received task: ", task)
        await asyncio.sleep(random.randint(1, 5))

        await use_publisher().publish(task, topic="task")

        then = asyncio.get_event_loop().time()
        print("Task Finished: ", name, " Time: ", then - now)

    @WebSocketEndpoint("/ws")
    async def ws_endpoint(self, websocket: WebSocket) -> None:
        await websocket.accept()
        counter.increment()
        await use_ws_manager().add_websocket(websocket)
        await use_ws_manager().join(["tasks"], websocket)
        await use_ws_manager().broadcast(("New Connection (%d) from %s" % (counter.count, self.hostname)).encode())

        print("New Connection (%d)" % counter.count)

        while True:
            try:
                await websocket.receive_text()
            except WebSocketDisconnect:
                counter.decrement()
                await use_ws_manager().remove_websocket(websocket)

                await use_ws_manager().broadcast(
                    ("Connection Closed (%d) from %s" % (counter.count, self.hostname)).encode()
                )
                print("Connection Closed (%d)" % counter.count)
                break

    @ScheduledAction("* * * * * */3", allow_overlap=False)
    async def scheduled_task(self) -> None:
        print("Scheduled Task at ", asyncio.get_event_loop().time())

        print("sleeping")
        await asyncio.sleep(5)

        await use_publisher().publish(
            message=Identifiable(
                id=uuid4(),
                data=TaskSchema(name=generate_random_name()),
            ),
            topic="task",
        )


app = Microservice(
    providers=[
        ProviderSpec(
            provide=Token[AppConfig],
            use_factory=AppConfig.provider,
        )
    ],
    controllers=[TasksController],
    interceptors=[
        AIOSqlAlchemySessionInterceptor(
            AIOSQAConfig(
                connection_name="default",
                url="sqlite+aiosqlite:///db.sqlite3",
            )
        ),
    ],
)
