import type { ZodType } from 'zod';

/** Every reason that an operator's call is refused for, with its HTTP status. */
const STATUS_BY_REASON = {
  InvalidInput: 400,
  AlreadyDefined: 409,
  NotFound: 404,
  Conflict: 409,
  TryLater: 503,
} as const;
export type AdminReason = keyof typeof STATUS_BY_REASON;

/** An operator's call is refused, and nothing was done. The message says which field and which rule. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly reason: AdminReason;

  constructor(reason: AdminReason, message: string) {
    super(message);
    this.reason = reason;
  }

  get status(): number {
    return STATUS_BY_REASON[this.reason];
  }
}

/** One call of the operator. What it resolves to is the answer's JSON, without any bigint, or its text. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Answered to whoever reaches the port, without the token. */
  readonly isOpen?: boolean;
  /** Of an answer that is text; JSON without it. */
  readonly contentType?: string;
  /** @param body the JSON that was sent, undefined for none. @throws AdminError */
  answer(body: unknown): unknown;
}

/** A call whose body must have a form. */
export function inputRoute<Input>(
  path: string,
  schema: ZodType<Input>,
  answer: (input: Input) => Promise<unknown>,
): AdminRoute {
  return {
    method: 'POST',
    path,
    answer(body) {
      const parsed = schema.safeParse(body);
      if (parsed.success) return answer(parsed.data);
      const problems = parsed.error.issues.map(
        ({ path: field, message }) => `${field.join('.') || 'body'}: ${message}`,
      );
      throw new AdminError('InvalidInput', problems.join('; '));
    },
  };
}
