import { LedgerUnavailableError } from '../../../core/ports/ledger.ts';
import { LedgerScriptError } from '../ledger-errors.ts';

/**
 * States of a server in which it refuses a script before it runs. Scripts that say what they are (ledger-scripts.ts) get
 * these at their start or not at all. The rest of an error's text is for people.
 */
const REFUSALS: Readonly<Record<string, string>> = {
  BUSY: 'another script has kept Redis busy for too long; SCRIPT KILL ends it',
  OOM: 'Redis has reached its maxmemory: raise it, what is trimmed comes free by itself',
  READONLY: 'Redis is a replica: name the master in RINGBOOK_REDIS_URL',
  MISCONF: "Redis can't persist what it is told: look at its log and its disk",
  LOADING: 'Redis is still reading its data',
  MASTERDOWN: 'Redis is a replica that has lost its master',
  NOREPLICAS: 'Redis has fewer replicas than min-replicas-to-write asks for',
  CLUSTERDOWN: "Redis' cluster is down",
  NOAUTH: 'Redis wants a password: put it into RINGBOOK_REDIS_URL',
  WRONGPASS: 'Redis refuses the password of RINGBOOK_REDIS_URL',
  NOPERM: "the user of RINGBOOK_REDIS_URL may not do what the ledger's scripts do",
};

/** @returns the first word of what the server answered, or null when it did not answer */
export function replyCode(error: unknown): string | null {
  return error instanceof Error && error.name === 'ReplyError' ? (/^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR') : null;
}

/**
 * What a failed call tells. A refusal wrote nothing; a connection that broke leaves the outcome open; any other answer
 * comes from the middle of a script.
 */
export function ledgerErrorOf(error: unknown, act: string): LedgerUnavailableError | LedgerScriptError {
  const cause = error as Error;
  const code = replyCode(error);
  if (code === null) {
    const wasSent = !/isn't writeable/.test(cause.message);
    const told = wasSent ? 'the connection broke before the answer came' : 'there is no connection';
    return new LedgerUnavailableError(`${act}: Redis is away, ${told}`, {
      code: 'AWAY',
      isOutcomeKnown: !wasSent,
      cause,
    });
  }
  const refusal = REFUSALS[code];
  if (refusal === undefined) return new LedgerScriptError(`${act}: ${cause.message}`, { cause });
  return new LedgerUnavailableError(`${act}: ${refusal} (${cause.message})`, { code, isOutcomeKnown: true, cause });
}
