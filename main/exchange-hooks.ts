import type { Logger } from 'pino';
import type { ExchangeProgress } from './start-progress.ts';

/** What a running exchange tells of itself. */
export interface ExchangeHooks {
  readonly logger: Logger;
  readonly onProgress: (progress: ExchangeProgress) => void;
  /** Something broke that nothing may be done after: the process must end with this reason. */
  readonly onFatal: (error: Error) => void;
}
