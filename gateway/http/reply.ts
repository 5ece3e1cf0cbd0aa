/** One HTTP answer, complete: what a handler gives back and an exchange sends. */
export interface Reply {
  readonly status: number; // a key of STATUS_LINES
  readonly contentType: string;
  readonly body: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

const STATUS_LINES: Readonly<Record<number, string>> = {
  200: '200 OK',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  406: '406 Not Acceptable',
  409: '409 Conflict',
  413: '413 Content Too Large',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};

const JSON_TYPE = 'application/json';

/** @param value JSON-able: no bigint in it */
export function jsonReply(value: unknown, status = 200): Reply {
  return jsonTextReply(JSON.stringify(value), status);
}

/** @param body JSON already */
export function jsonTextReply(body: string, status = 200): Reply {
  return { status, contentType: JSON_TYPE, body };
}

export function htmlReply(body: string): Reply {
  return { status: 200, contentType: 'text/html; charset=utf-8', body };
}

/** An error as clients of this API read it: three strings, always present. */
export function errorReply(
  status: number,
  reason: string,
  message: string,
  headers: readonly (readonly [name: string, value: string])[] = [],
): Reply {
  return { status, contentType: JSON_TYPE, body: JSON.stringify({ result: 'error', reason, message }), headers };
}

/** @returns status code and phrase, as the first line of an answer carries them */
export function statusLine(status: number): string {
  return STATUS_LINES[status] ?? STATUS_LINES[500]!;
}
