// One way to ask the server: same origin, JSON, and an error that carries the server's own words.

export class ApiError extends Error {
  readonly status: number;
  /** What was asked, for the error state. */
  readonly request: string;

  constructor(message: string, status: number, request: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.request = request;
  }
}

export type Params = Record<string, string | number | string[] | undefined>;

export function encodeParams(params: Params): URLSearchParams {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) out.append(name, String(one));
  }
  return out;
}

/** Finds the reason in whichever envelope the API answers with: Prometheus, Jaeger, Loki or plain text. */
export function reasonOf(body: string, status: number): string {
  try {
    const json = JSON.parse(body) as Record<string, unknown>;
    const errors = json['errors'];
    if (Array.isArray(errors) && errors.length > 0) {
      const first = errors[0] as { msg?: string; message?: string };
      return first.msg ?? first.message ?? JSON.stringify(first);
    }
    for (const field of ['error', 'message', 'msg']) {
      if (typeof json[field] === 'string') return json[field];
    }
  } catch {
    const text = body.trim();
    if (text && !text.startsWith('<')) return text.slice(0, 600);
  }
  return `the server answered with status ${status}`;
}

const LONG_QUERY = 1800;

/** GET, or a POST form when the query would make too long a URL and the API takes one. */
export async function getJson<T>(path: string, params: Params = {}, signal?: AbortSignal, form = false): Promise<T> {
  const query = encodeParams(params).toString();
  const post = form && query.length > LONG_QUERY;
  const url = post || !query ? path : `${path}?${query}`;
  const init: RequestInit = { headers: { accept: 'application/json' } };
  if (signal) init.signal = signal;
  if (post) {
    init.method = 'POST';
    init.body = new URLSearchParams(query);
  }
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(`no answer from ${location.host}: is watchroom still running?`, 0, path);
  }
  const body = await response.text();
  if (!response.ok) throw new ApiError(reasonOf(body, response.status), response.status, path);
  try {
    return JSON.parse(body) as T;
  } catch {
    throw new ApiError('the answer is not JSON', response.status, path);
  }
}
