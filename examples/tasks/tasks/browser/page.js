// The page: it loads the tasks, follows the feed, and creates and deletes with the token that is typed in.
import { FetchBackend, isApiError, TasksController, TasksControllerFeed, } from "./client.js";
const link = element("link", HTMLElement);
const count = element("count", HTMLElement);
const form = element("form", HTMLFormElement);
const name = element("name", HTMLInputElement);
const token = element("token", HTMLInputElement);
const problem = element("error", HTMLElement);
const list = element("tasks", HTMLUListElement);
const empty = element("empty", HTMLElement);
const backend = new FetchBackend({ baseUrl: "", headers: () => ({ Authorization: `Bearer ${token.value}` }) });
const tasks = new TasksController(backend);
const feed = new TasksControllerFeed({ baseUrl: "" });
function element(id, kind) {
    const found = document.getElementById(id);
    if (!(found instanceof kind))
        throw new TypeError(`#${id} is not in the page`);
    return found;
}
function row(id) {
    return document.getElementById(`task-${id}`);
}
function show(task, place) {
    const item = row(task.id) ?? added(task, place);
    item.className = task.state;
    const state = item.querySelector(".state");
    if (state !== null)
        state.textContent = task.state;
    note();
}
function added(task, place) {
    const item = document.createElement("li");
    item.id = `task-${task.id}`;
    const title = Object.assign(document.createElement("span"), { className: "name", textContent: task.name });
    const time = document.createElement("time");
    time.dateTime = task.created_at;
    time.textContent = clock(task.created_at);
    const state = Object.assign(document.createElement("span"), { className: "state" });
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "\u00d7" });
    remove.setAttribute("aria-label", `Delete ${task.name}`);
    remove.onclick = () => attempt(() => tasks.deleteTask(task.id));
    item.append(title, time, state, remove);
    if (place === "first")
        list.prepend(item);
    else
        list.append(item);
    return item;
}
function note() {
    empty.hidden = list.children.length > 0;
}
function clock(moment) {
    return new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
/** Do something that may be refused, and say so where it is. */
async function attempt(action) {
    try {
        await action();
        problem.textContent = "";
        return true;
    }
    catch (error) {
        problem.textContent = sentence(error);
        return false;
    }
}
function sentence(error) {
    if (isApiError(error, 422)) {
        return `That is no task: ${error.body.detail?.[0]?.msg ?? "it was refused"}.`;
    }
    return isApiError(error) && error.status === 401 ? "That token is not accepted." : "That did not work. Try again.";
}
feed.onState((state) => {
    if (state === "connecting")
        return; // after "waiting" that is nothing new
    link.className = state === "open" ? "live" : "";
    link.textContent = state === "open" ? "live" : state === "waiting" ? "reconnecting" : "closed";
});
feed.onResync(async () => {
    const latest = await tasks.listTasks();
    list.replaceChildren();
    for (const task of latest)
        show(task, "last");
    note();
});
feed.on("created", ({ task }) => row(task.id) ?? show(task, "first"));
feed.on("done", ({ task }) => show(task, "first"));
feed.on("deleted", ({ id }) => {
    row(id)?.remove();
    note();
});
feed.on("count", (event) => {
    count.textContent = `${event.count} in all, counted at ${clock(Date.now())}`;
});
form.onsubmit = async (event) => {
    event.preventDefault();
    if (await attempt(() => tasks.createTask({ body: { name: name.value } })))
        name.value = "";
    name.focus();
};
element("shell", HTMLElement).textContent =
    `curl ${location.origin}/tasks -H 'Authorization: Bearer demo' \\\n  --json '{"name": "Write the docs"}'`;
feed.connect();
