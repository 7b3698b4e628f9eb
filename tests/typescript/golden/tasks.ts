export interface HTTPValidationError {
  detail?: ValidationError[];
}

/** How many tasks there are. */
export interface TaskCount {
  type: "count";
  count: number;
}

/** There is a new task. */
export interface TaskCreated {
  type: "created";
  task: TaskView;
}

/** A task is no more. */
export interface TaskDeleted {
  type: "deleted";
  id: string;
}

/** A task was processed. */
export interface TaskDone {
  type: "done";
  task: TaskView;
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
  count: TaskCount;
  created: TaskCreated;
  deleted: TaskDeleted;
  done: TaskDone;
}

/** What happens to tasks, for as long as the browser listens. */
export class TasksControllerFeed extends WebSocketClient<TasksControllerFeedMessages, string | ArrayBuffer | Blob> {
  constructor(options: WebSocketOptions) {
    super({ path: "/tasks/feed", query: pairsOf([]), tag: "type", receives: "json" }, options);
  }
}
