export interface HTTPValidationError {
  detail?: ValidationError[];
}

/** What browsers are told. */
export interface TaskEvent {
  type: "created" | "done" | "deleted" | "count";
  task?: TaskView | null;
  id?: string | null;
  count?: number | null;
}

/** What a client says about a task. PostgreSQL stores no NUL. */
export interface TaskSchema {
  name: string;
}

/** A task as clients see it. */
export interface TaskView {
  id: string;
  name: string;
  state: "new" | "done";
  created_at: string;
}

export interface ValidationError {
  loc: (string | number)[];
  msg: string;
  type: string;
  input?: unknown;
  ctx?: { [key: string]: unknown };
}

export interface TasksControllerCreateTaskErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface TasksControllerDeleteTaskErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

/** Tasks are created and deleted over HTTP, processed by a message handler, and announced to every browser. */
export class TasksController extends HttpService {
  /**
   * Store a task, have it processed, and tell everybody: all of it at the commit, or nothing.
   *
   * Errors: `TasksControllerCreateTaskErrors`.
   */
  async createTask(options: { body: TaskSchema }, call?: CallOptions): Promise<TaskView> {
    return this.httpBackend.request<TaskView>({
      method: "POST",
      path: "/tasks",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /**
   * Delete a task, and tell everybody.
   *
   * Errors: `TasksControllerDeleteTaskErrors`.
   */
  async deleteTask(taskId: string, call?: CallOptions): Promise<void> {
    return this.httpBackend.request<void>({
      method: "DELETE",
      path: "/tasks/" + encodePath(taskId),
      query: [],
      headers: [],
      cookies: [],
      response: "empty",
      call,
    });
  }

  /** The latest hundred tasks, newest first. */
  async listTasks(call?: CallOptions): Promise<TaskView[]> {
    return this.httpBackend.request<TaskView[]>({
      method: "GET",
      path: "/tasks",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }
}

/** What TasksControllerFeed is told. */
export interface TasksControllerFeedMessages {
  count: TaskEvent & { type: "count" };
  created: TaskEvent & { type: "created" };
  deleted: TaskEvent & { type: "deleted" };
  done: TaskEvent & { type: "done" };
}

/** What happens to tasks, for as long as the browser listens. */
export class TasksControllerFeed extends WebSocketClient<TasksControllerFeedMessages, string | ArrayBuffer | Blob> {
  constructor(options: WebSocketOptions) {
    super({ path: "/tasks/feed", query: pairsOf([]), tag: "type", receives: "json" }, options);
  }
}
