"""Everything the service does: HTTP, websocket, message and cron handlers of one controller."""

from uuid import UUID

from fastapi import WebSocket, WebSocketDisconnect
from sqlalchemy import func, select

from jararaca import (
    CRUDOperations,
    Delete,
    Get,
    Identifiable,
    IncomingHandler,
    Message,
    MessageBusController,
    Post,
    RestController,
    ScheduledAction,
    WebSocketEndpoint,
    use_publisher,
    use_session,
    use_ws_manager,
)
from tasks.auth import Authenticated
from tasks.entities import TaskEntity
from tasks.schemas import TaskCount, TaskCreated, TaskDeleted, TaskDone, TaskEvent, TaskSchema, TaskView


@MessageBusController()
@RestController("/tasks", {"tags": ["tasks"]})
class TasksController:
    """Tasks are created and deleted over HTTP, processed by a message handler, and announced to every browser."""

    def __init__(self) -> None:
        self.tasks = CRUDOperations(TaskEntity, use_session)

    @Get()
    async def list_tasks(self) -> list[TaskView]:
        """The latest hundred tasks, newest first."""
        newest = select(TaskEntity).order_by(TaskEntity.created_at.desc(), TaskEntity.id).limit(100)
        return [task.to_basemodel(TaskView) for task in await use_session().scalars(newest)]

    @Post(options={"status_code": 201}, middlewares=[Authenticated])
    async def create_task(self, task: TaskSchema) -> TaskView:
        """Store a task, have it processed, and tell everybody: all of it at the commit, or nothing."""
        created = await self.tasks.create(task)
        view = created.to_basemodel(TaskView)
        await use_publisher().publish(Identifiable(id=created.id, data=task), topic="task.created")
        await use_ws_manager().send(["tasks"], TaskCreated(task=view))
        return view

    @Delete("/{task_id}", {"status_code": 204}, middlewares=[Authenticated])
    async def delete_task(self, task_id: UUID) -> None:
        """Delete a task, and tell everybody."""
        await self.tasks.delete(await self.tasks.get(task_id))
        await use_ws_manager().send(["tasks"], TaskDeleted(id=task_id))

    @IncomingHandler("task.created")
    async def process_task(self, message: Message[Identifiable[TaskSchema]]) -> None:
        """Do the work of a task. One that was deleted meanwhile needs none."""
        if await self.tasks.update_by_id(message.payload().id, {"state": "done"}):
            task = await self.tasks.get(message.payload().id)
            await use_ws_manager().send(["tasks"], TaskDone(task=task.to_basemodel(TaskView)))

    @WebSocketEndpoint("/feed", sends=TaskEvent)
    async def feed(self, websocket: WebSocket) -> None:
        """What happens to tasks, for as long as the browser listens."""
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await use_ws_manager().join(["tasks"], websocket)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            await use_ws_manager().remove_websocket(websocket)

    @ScheduledAction("* * * * * */3", allow_overlap=False)
    async def count_tasks(self) -> None:
        """Every three seconds, tell everybody how many tasks there are."""
        count = await use_session().scalar(select(func.count()).select_from(TaskEntity))
        await use_ws_manager().send(["tasks"], TaskCount(count=count or 0))
